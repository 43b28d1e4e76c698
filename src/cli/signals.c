#include "cli/signals.h"

volatile sig_atomic_t signals_stop, signals_reload;

static void on_signal(int number)
{
	(void)number;
	signals_stop = 1;
}

void signals_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

static void on_reload(int number)
{
	(void)number;
	signals_reload = 1;
}

void signals_catch_reload(void)
{
	struct sigaction action = {.sa_handler = on_reload, .sa_flags = SA_RESTART};
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGHUP, &action, NULL);
}
