#include "base/testing.h"
#include "ingest/ingest.h"
int main(void)
{
	return 0;
}
