/* Everything the run-time offers to a program, in one include. */
#pragma once

#include <l4/caps.h>
#include <l4/channel.h>
#include <l4/invoke.h>
#include <l4/lock.h>
#include <l4/log.h>
#include <l4/memory.h>
#include <l4/power.h>
#include <l4/rom.h>
#include <l4/server.h>
#include <l4/syscall.h>
#include <l4/threads.h>
#include <l4/time.h>
#include <l4/vbus.h>
