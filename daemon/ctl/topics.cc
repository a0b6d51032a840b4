#include "daemon/ctl/commands.h"
