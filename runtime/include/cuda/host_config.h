// host_config.h: compiler settings; nothing is needed here.
#pragma once

#include "host_defines.h"
