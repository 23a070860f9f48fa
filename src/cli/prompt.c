/* SPDX-License-Identifier: EUPL-1.2 */
/* Asking for a secret: see prompt.h. Secrets never come from the command line, where others could read them. */
#include "cli/prompt.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool prompt_secret(const char *prompt, char line[PROMPT_LINE_MAX])
{
    struct termios before, silent;
    bool terminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        (void)fprintf(stderr, "%s", prompt);
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    char *got = fgets(line, PROMPT_LINE_MAX, stdin);
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fputc('\n', stderr);
    }
    size_t n = got == NULL ? 0 : strcspn(line, "\n");
    bool whole = got != NULL && (line[n] == '\n' || feof(stdin) != 0);
    line[n] = '\0';
    return whole && n > 0;
}
