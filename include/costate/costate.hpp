#pragma once
// Everything that costate offers without optional dependencies, floor by floor: each room knows only those above it in this list.
// Programs that want less to compile include the rooms' headers themselves.

#include <costate/core/error.hpp>
#include <costate/core/version.hpp>
#include <costate/io/csv.hpp>
