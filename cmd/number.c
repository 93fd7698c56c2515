/* number.c: numbers for eyes; see number.h. */
#include "number.h"

#include <inttypes.h>
#include <stdio.h>

void
number_format(uint64_t number, char text[NUMBER_TEXT_SIZE])
{
	char digits[21];
	size_t count, i, at = 0;

	count = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	for (i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
}
