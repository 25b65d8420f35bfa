// The grammar of .seq files. It reads the tokens that Tokens.cpp makes, not the raw ones:
// brackets are balanced, an END closes each statement (also before a `}` and before the
// end of the file), and words that are keywords in one place only have their own type
// there (LAYER, PARAM, REVERSE, ...) and are plain names elsewhere.
//
// Alternatives are chosen by one token, by two in a few places. What is better said in
// words (assignment targets, indices, chains of comparisons) is accepted more widely
// here and judged by the tree builder.
grammar Seq;

tokens { LAYER, MODEL, IMPORT, TEST, PARAM, REVERSE, AS, RESET, STATES, END }

file : (END | decl | fileJunk END)* EOF ;
entry : expr END? EOF ;

decl : importDecl | testDecl | fnDecl | layerDecl ;

importDecl : IMPORT (STRING | qualified) (AS IDENT)? END ;
testDecl : TEST STRING block ;

fnDecl : FN IDENT params results? block ;
params : LPAREN (param (COMMA param)* COMMA?)? RPAREN ;
param : IDENT COLON type (ASSIGN expr)? ;
results : ARROW result (COMMA result)* ;
result : (IDENT COLON)? type ;
type : qualified? LBRACKET expr (COMMA expr)* COMMA? RBRACKET | qualified ;
qualified : IDENT (DOT IDENT)* ;

layerDecl : (LAYER | MODEL) IDENT sizes? LBRACE member* RBRACE ;
sizes : LPAREN (size (COMMA size)* COMMA?)? RPAREN ;
size : IDENT (COLON type)? (ASSIGN expr)? ;
member : END | paramDecl END | subLayer END | fnDecl END | memberJunk END ;
paramDecl : PARAM IDENT indices? (COLON type)? (ASSIGN expr)? (IF expr)? ;
subLayer : IDENT COLON (LBRACKET expr RBRACKET)? (IDENT FATARROW)? qualified args ;

block : LBRACE line* RBRACE ;
line : END | stmt END | lineJunk END ;
stmt : letStmt | returnStmt | yieldStmt | forStmt | ifStmt | valueStmt ;
letStmt : LET target (COMMA target)* ASSIGN expr ;
target : IDENT (indices | params results?)? (COLON type)? ;
indices : LBRACKET index (COMMA index)* COMMA? RBRACKET ;
index : IDENT (IN range)? ;
range : expr DOTDOT expr ;
returnStmt : RETURN expr (COMMA expr)* ;
yieldStmt : YIELD expr (COMMA expr)* ;
forStmt : FOR IDENT IN expr (DOTDOT expr)? block ;
ifStmt : IF expr block (ELSE IF expr block)* (ELSE block)? ;
valueStmt : expr (COMMA expr)* (ASSIGN expr)? ;

// Tightest first.
expr
  : expr DOT IDENT                                                    # member_
  | expr LBRACKET subscript (COMMA subscript)* COMMA? RBRACKET        # index_
  | expr args                                                         # call
  | <assoc=right> expr op=POWER expr                                  # power
  | op=MINUS expr                                                     # unary
  | expr op=(STAR | SLASH | PERCENT | AT) expr                        # binary
  | expr op=(PLUS | MINUS) expr                                       # binary
  | expr op=(LESS | LESSEQ | GREATER | GREATEREQ | EQUAL | NOTEQUAL) expr # binary
  | op=NOT expr                                                       # unary
  | expr op=AND expr                                                  # binary
  | expr op=OR expr                                                   # binary
  | <assoc=right> expr QUESTION expr COLON expr                       # ternary
  | IDENT                                                             # name
  | (INT | FLOAT)                                                     # number
  | (TRUE | FALSE)                                                    # bool
  | STRING                                                            # string
  | LPAREN expr RPAREN                                                # parens
  | LBRACKET (expr (COMMA expr)* COMMA?)? RBRACKET                    # list
  | SCAN REVERSE? IDENT (IN range)? states (scanAs | scanReset)* block # scan
  | block                                                             # blockValue
  ;
args : LPAREN (arg (COMMA arg)* COMMA?)? RPAREN ;
arg : (IDENT ASSIGN)? expr (WHERE expr)? ;
subscript : COLON expr? | expr (COLON expr? | IN range)? ;
states : STATES (state (COMMA state)* COMMA?)? RPAREN ;
state : IDENT (COLON type)? ASSIGN expr ;
scanAs : AS LPAREN IDENT (COMMA IDENT)* COMMA? RPAREN ;
scanReset : RESET expr ;

// What can begin no declaration, member or statement: skipped up to its end, then reported.
fileJunk : (junkBlock | ~(END | LBRACE | RBRACE | FN | LAYER | MODEL | IMPORT | TEST)) junkRest* ;
memberJunk : (junkBlock | ~(END | LBRACE | RBRACE | FN | PARAM | IDENT)) junkRest* ;
lineJunk
  : ~(END | LBRACE | RBRACE | LET | RETURN | YIELD | FOR | IF | IDENT | INT | FLOAT | TRUE | FALSE | STRING
    | LPAREN | LBRACKET | SCAN | MINUS | NOT) junkRest*
  ;
junkRest : junkBlock | ~(END | LBRACE | RBRACE) ;
junkBlock : LBRACE (END | junkRest)* RBRACE ;

FN : 'fn' ;
LET : 'let' ;
RETURN : 'return' ;
YIELD : 'yield' ;
FOR : 'for' ;
IN : 'in' ;
IF : 'if' ;
ELSE : 'else' ;
SCAN : 'scan' ;
WHERE : 'where' ;
AND : 'and' ;
OR : 'or' ;
NOT : 'not' ;
TRUE : 'true' ;
FALSE : 'false' ;

LPAREN : '(' ;
RPAREN : ')' ;
LBRACKET : '[' ;
RBRACKET : ']' ;
LBRACE : '{' ;
RBRACE : '}' ;
COMMA : ',' ;
COLON : ':' ;
SEMICOLON : ';' ;
DOTDOT : '..' ;
DOT : '.' ;
ARROW : '->' ;
FATARROW : '=>' ;
ASSIGN : '=' ;
QUESTION : '?' ;
POWER : '**' ;
STAR : '*' ;
SLASH : '/' ;
PERCENT : '%' ;
AT : '@' ;
PLUS : '+' ;
MINUS : '-' ;
LESSEQ : '<=' ;
LESS : '<' ;
GREATEREQ : '>=' ;
GREATER : '>' ;
EQUAL : '==' ;
NOTEQUAL : '!=' ;

INT : DIGIT+ ;
FLOAT : DIGIT+ ('.' DIGIT+ EXPONENT? | EXPONENT) ;
// `12abc`, `1e`, `0x1F`, `1_000`: one token, so that one error says it.
BAD_NUMBER : DIGIT+ ('.' DIGIT+)? START CONTINUE* ;
IDENT : START CONTINUE* '\''* ;
STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* '"' ;
BAD_STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* '\\'? ;

DOC : '///' (~[/\n] ~[\n]*)? ;
COMMENT : '//' ~[\n]* -> skip ;
NEWLINE : '\r'? '\n' ([ \t] | '\r'? '\n')* ;
SPACE : [ \t]+ -> skip ;
BAD : . ;

fragment DIGIT : [0-9] ;
fragment EXPONENT : [eE] [+-]? DIGIT+ ;
// Lex.cpp shows the lexer U+0001 for any other letter and U+0002 for any other mark or digit.
fragment START : [a-zA-Z_\u0001] ;
fragment CONTINUE : [a-zA-Z0-9_\u0001\u0002] ;
