/* Inside report/: a finding as the JSON of the contract (finding.schema.json). */
#pragma once

#include "report/emit.h"
#include "report/report.h"

/* Opens a finding's object, with its type. key: as emit_open(). */
void json_finding_open(struct emit *e, const char *key);
/* Its members but for the type; who needs more adds it behind them. */
void json_finding(struct emit *e, const struct finding *f);
