/* Inside detect/: tails of distributions, in doubles, without tables. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* P(Gamma(m, 1) >= s): m uniform chances whose logarithms sum to -s (Fisher 1932). */
double fisher_tail(unsigned m, double s);
/* P(Binomial(n, q) >= k). */
double binomial_tail(unsigned n, double q, unsigned k);
/* P(sum of independent Bernoulli(q[i]) >= k), exactly; O(n k). n over 400 uses the binomial of the
 * mean. */
double poisson_binomial_tail(const double *q, unsigned n, unsigned k);
/* Median of n values; reorders them. 0 for none. */
double median(double *values, size_t n);
/* 1.4826 times the median absolute deviation; reorders the values. */
double spread(double *values, size_t n);
