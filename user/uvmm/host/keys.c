/* Keys that a stock guest's kernel already drives: how it is asked to sleep or to power off. */
#include "host/host.h"

bool host_key_press(struct host *host, enum host_key key, const char **out_why)
{
	(void)host;
	*out_why = key == HOST_KEY_SLEEP ? "its device tree has no key for sleep" : "its device tree has no power key";
	return false;
}
