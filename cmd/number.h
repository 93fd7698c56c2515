/*
 * number.h: numbers for eyes: "24,118,007". Floor: cmd.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdint.h>

/* 20 digits, 6 commas and the NUL. */
#define NUMBER_TEXT_SIZE 27

/* With commas between thousands. */
void number_format(uint64_t number, char text[NUMBER_TEXT_SIZE]);

#endif
