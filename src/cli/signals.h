/* Signals: the first SIGINT or SIGTERM asks for an orderly end, the second ends the program. */
#pragma once

#include <signal.h>

/* Not 0 once an end was asked for. The program may ask for it as well. */
extern volatile sig_atomic_t signals_stop;

void signals_catch(void);

/* Not 0 once a SIGHUP asked to read anew what was read at the start; the verb that does sets it
 * back. */
extern volatile sig_atomic_t signals_reload;

void signals_catch_reload(void);
