/* AddressSanitizer's eyes: memory of a closed arena is poisoned, so that a stale pointer that slips
 * past the check of public functions is caught at its first use. Empty in other builds. */
#ifndef GRADUS_CORE_POISON_H
#define GRADUS_CORE_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define GR__POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GR__POISONING 1
#endif
#endif

#ifdef GR__POISONING
#include <sanitizer/asan_interface.h>
#define GR__POISON(memory, bytes) __asan_poison_memory_region(memory, bytes)
#define GR__UNPOISON(memory, bytes) __asan_unpoison_memory_region(memory, bytes)
#define GR__IS_POISONED(memory) (__asan_address_is_poisoned(memory) != 0)
#else
#define GR__POISONING 0
#define GR__POISON(memory, bytes) ((void)(memory), (void)(bytes))
#define GR__UNPOISON(memory, bytes) ((void)(memory), (void)(bytes))
#define GR__IS_POISONED(memory) ((void)(memory), 0)
#endif

#endif
