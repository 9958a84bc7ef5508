# The warnings under which costate must be silent, in a user's project as in its own.
set(COSTATE_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow)

function(costate_add_warnings target)
  if(MSVC)
    target_compile_options(${target} INTERFACE /W4 /permissive- $<$<BOOL:${COSTATE_WERROR}>:/WX>)
  else()
    target_compile_options(${target} INTERFACE ${COSTATE_WARNINGS} $<$<BOOL:${COSTATE_WERROR}>:-Werror>)
  endif()
endfunction()
