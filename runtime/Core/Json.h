/* The pieces of JSON that a safetensors header is made of, read strictly. */
#ifndef SEQ_CORE_JSON_H
#define SEQ_CORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* What is left of the text, and room for decoded strings: a string never grows when it
 * is decoded, and its quotes leave room for the final 0. */
typedef struct seq_json {
  const char *at, *end;
  char *arena;
} seq_json;

/* Skips white space, then takes c if it is next. */
bool seq_json_take(seq_json *j, char c);

/* Takes a string: valid UTF-8, no raw control characters, escapes decoded, no NUL.
 * Null if there is none such. */
const char *seq_json_string(seq_json *j);

/* Takes a whole number >= 0 without fraction or exponent. */
bool seq_json_number(seq_json *j, int64_t *value);

/* True if only white space is left. */
bool seq_json_done(seq_json *j);

#endif
