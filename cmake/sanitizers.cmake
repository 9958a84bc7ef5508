# -DCOSTATE_SANITIZE=address,undefined: the first finding ends the program.
function(costate_add_sanitizers target)
  if(COSTATE_SANITIZE)
    set(flags -fsanitize=${COSTATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(${target} INTERFACE ${flags})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} INTERFACE -Wno-maybe-uninitialized)  # GCC's manual: false alarms in instrumented code
    endif()
    target_link_options(${target} INTERFACE ${flags})
  endif()
endfunction()
