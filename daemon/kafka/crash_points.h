// Where tests kill or stop the process, to see what a crash or a zombie leaves: the points of a transaction. Only resultsd_crashing heeds them.
//
//   RESULTSD_CRASH_AT=POINT:N     kills itself, as by kill -9, at the Nth passing of that point
//   RESULTSD_STOP_AT=POINT:N:MS   stops itself, as by SIGSTOP, and once it is continued waits so many milliseconds, for its other threads to find
//                                 out what it missed
//
// POINT is a TransactionPoint by name. Anything else in these variables is ignored.
#pragma once

#include "daemon/kafka/transaction.h"

namespace vtq::kafka {

/// Does what the environment asks for at this point. Any thread, but only one at a time in a transaction.
void pass_crash_point(TransactionPoint point);

}  // namespace vtq::kafka
