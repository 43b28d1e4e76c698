#include "detect/stats.h"

#include <math.h>
#include <stdlib.h>

#define EXACT_MAX 400u

double fisher_tail(unsigned m, double s)
{
	if (s <= 0)
		return 1;
	/* exp(-s) * sum of s^k / k!, k < m, in logarithms: s may be in the hundreds */
	double log_term = -s, sum = exp(-s);
	for (unsigned k = 1; k < m; k++) {
		log_term += log(s / k);
		sum += exp(log_term);
	}
	return sum < 1 ? sum : 1;
}

double binomial_tail(unsigned n, double q, unsigned k)
{
	if (k == 0 || q >= 1)
		return 1;
	if (k > n || q <= 0)
		return 0;
	/* the first term by logarithms, the others from the one before, until they add nothing */
	double odds = q / (1 - q);
	double term = exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(q) +
			  (n - k) * log1p(-q));
	double sum = term;
	for (unsigned i = k; i < n && term > sum * 1e-17; i++) {
		term *= odds * (n - i) / (i + 1.0);
		sum += term;
	}
	return sum < 1 ? sum : 1;
}

double poisson_binomial_tail(const double *q, unsigned n, unsigned k)
{
	if (k == 0)
		return 1;
	if (k > n)
		return 0;
	if (n > EXACT_MAX) {
		double mean = 0;
		for (unsigned i = 0; i < n; i++)
			mean += q[i] / n;
		return binomial_tail(n, mean, k);
	}
	double at[EXACT_MAX + 1] = {
		1}; /* probability of exactly j so far; at[k] gathers k and more */
	for (unsigned i = 0; i < n; i++) {
		at[k] += at[k - 1] * q[i];
		for (unsigned j = k - 1; j > 0; j--)
			at[j] = at[j] * (1 - q[i]) + at[j - 1] * q[i];
		at[0] *= 1 - q[i];
	}
	return at[k] < 1 ? at[k] : 1;
}

/* Hoare's selection: value k of the sorted ones, with none greater before it. */
static double select_value(double *values, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;
	while (low < high) {
		double pivot = values[low + (high - low) / 2];
		size_t i = low, j = high;
		for (;;) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			double swap = values[i];
			values[i++] = values[j];
			values[j--] = swap;
		}
		/* values up to j are not greater than the pivot, those behind it not smaller */
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[k];
}

double median(double *values, size_t n)
{
	if (n == 0)
		return 0;
	double upper = select_value(values, n, n / 2);
	if (n % 2 == 1)
		return upper;
	double lower = values[0];
	for (size_t i = 1; i < n / 2; i++)
		lower = values[i] > lower ? values[i] : lower;
	return (lower + upper) / 2;
}

double spread(double *values, size_t n)
{
	double middle = median(values, n);
	for (size_t i = 0; i < n; i++)
		values[i] = fabs(values[i] - middle);
	return 1.4826 * median(values, n);
}
