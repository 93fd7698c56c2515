/*
 * number.h: numbers for eyes: "24,118,007", "5 min". Floor: cmd.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdint.h>

/* 20 digits, 6 commas and the NUL. */
#define NUMBER_TEXT_SIZE 27

/* With commas between thousands. */
void number_format(uint64_t number, char text[NUMBER_TEXT_SIZE]);

/* The sum; SL_UNKNOWN where one of them is. */
uint64_t number_add(uint64_t a, uint64_t b);

/* A duration in its largest unit: "0.2 s", "42 s", "5 min", "3 h", "6 d". */
void duration_format(int64_t ms, char text[NUMBER_TEXT_SIZE]);

#endif
