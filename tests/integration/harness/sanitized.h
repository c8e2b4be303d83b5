// Whether predictd is built with the address sanitizer, which keeps freed memory for a while.
#ifndef PREDICTD_TESTS_INTEGRATION_HARNESS_SANITIZED_H_
#define PREDICTD_TESTS_INTEGRATION_HARNESS_SANITIZED_H_

namespace predictd::integration {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_HARNESS_SANITIZED_H_
