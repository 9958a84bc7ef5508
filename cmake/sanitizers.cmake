# -DCOSTATE_SANITIZE=address,undefined: the first finding ends the program. g++ compiles templates three times as long with the checks
# of every pointer for null, alignment and size: these are left to clang, and null pointers to the address sanitizer.
function(costate_add_sanitizers target)
  if(COSTATE_SANITIZE)
    set(flags -fsanitize=${COSTATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND COSTATE_SANITIZE MATCHES "undefined")
      list(APPEND flags -fno-sanitize=null,alignment,object-size)
    endif()
    target_compile_options(${target} INTERFACE ${flags})
    target_link_options(${target} INTERFACE ${flags})
  endif()
endfunction()
