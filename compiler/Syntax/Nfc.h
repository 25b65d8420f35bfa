//===- Nfc.h - One spelling for a name --------------------------------------===//
#ifndef SEQC_SYNTAX_NFC_H
#define SEQC_SYNTAX_NFC_H

#include <string>
#include <string_view>

namespace seq::syntax {

/// The text in Unicode's normalisation form C. The text is valid UTF-8.
std::string toNfc(std::string_view text);

} // namespace seq::syntax

#endif
