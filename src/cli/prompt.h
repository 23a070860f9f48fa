/* SPDX-License-Identifier: EUPL-1.2 */
/* Secrets that a person types: passwords, recovery keys. */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include <stdbool.h>

enum { PROMPT_LINE_MAX = 512 /* bytes with zero */ };

/* One line of standard input without its end; from a terminal after the prompt and without echo. False at the end of
 * input, or when the line is empty or too long. The caller wipes it. */
bool prompt_secret(const char *prompt, char line[PROMPT_LINE_MAX]);

#endif
