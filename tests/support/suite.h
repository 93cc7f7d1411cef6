/* What every test program ends with: run one suite as CK_ENV says, for an exit code. */
#ifndef HWS_TESTS_SUITE_H
#define HWS_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* HWS_TESTS_SUITE_H */
