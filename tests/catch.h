// Catch2 version 2 (Debian 12) or 3 (Debian 13).
#ifndef PREDICTD_TESTS_CATCH_H_
#define PREDICTD_TESTS_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#endif  // PREDICTD_TESTS_CATCH_H_
