/* The few lines that every Check program ends with. */
#ifndef SUPPORT_CHECK_MAIN_H
#define SUPPORT_CHECK_MAIN_H

#include "support/suite.h"

#include <check.h>
#include <stdlib.h>

/* Run one test case as a suite of its own; the value is for main() to return. */
static inline int run_case(const char *name, TCase *tc)
{
    Suite *suite = suite_create(name);

    suite_add_tcase(suite, tc);
    return run_suite(suite);
}

#endif /* SUPPORT_CHECK_MAIN_H */
