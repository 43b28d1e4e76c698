/* Inside report/: a finding as the JSON of the contract (finding.schema.json). */
#pragma once

#include "report/emit.h"
#include "report/report.h"

/* The members of a finding's object, without its brackets and its "type": "finding", which stands
 * first; who needs more adds it behind them. */
void json_finding(struct emit *e, const struct finding *f);
