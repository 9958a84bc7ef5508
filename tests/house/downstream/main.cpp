#include <costate/costate.hpp>

int main() { return costate::version.major_number == COSTATE_VERSION_MAJOR ? 0 : 1; }
