#pragma once
/// Catch2 is version 2 on Debian 12 and 3 elsewhere; only this header knows.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
