# -DCOSTATE_SANITIZE=address,undefined: the first finding ends the program.
function(costate_add_sanitizers target)
  if(COSTATE_SANITIZE)
    set(flags -fsanitize=${COSTATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(${target} INTERFACE ${flags})
    target_link_options(${target} INTERFACE ${flags})
  endif()
endfunction()
