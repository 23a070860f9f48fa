/* SPDX-License-Identifier: EUPL-1.2 */
/* Programs that print what the product decides, and compare it with what was agreed on: a golden file in the repository. */
#ifndef TESTS_API_GOLDEN_H
#define TESTS_API_GOLDEN_H

#include "base/buf.h"

/*
 * usage: PROGRAM [GOLDEN]: prints, or compares and names the first line that differs; `what` says what the text is, in words. Exit status: 1
 * when the two differ.
 */
int golden_main(int argc, char **argv, void (*print)(struct buf *b), const char *what) NODISCARD;

#endif
