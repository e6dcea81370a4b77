"""Numbers as Python rounds and reads them, ranges and views of dictionaries, capital sigma. One expression a line; a backslash is written twice."""

EXPRESSIONS = """
2.675 | round(2)
1.115 | round(2)
0.5 | round
1.5 | round
-0.5 | round
-2.5 | round
2.5 | round(0)
0.125 | round(2)
0.375 | round(2)
1e22 | round(2)
123456.789 | round(-2)
150.0 | round(-2)
250.0 | round(-2)
50.0 | round(-2)
50.00000000000001 | round(-2)
-50.0 | round(-2)
49.9 | round(-2)
4.9 | round(-2)
1.7e300 | round(-299)
1e308 | round(-308)
1.7e308 | round(-308)
0.1 | round(25)
5e-324 | round(323)
5e-324 | round(324)
1e300 * 1e10 | round(2)
1234 | round(-2)
1250 | round(-2)
1350 | round(-2)
-1250 | round(-2)
-1251 | round(-2)
1234 | round(2)
1234 | round(-4)
5000 | round(-4)
5001 | round(-4)
9223372036854775807 | round(-20)
9223372036854775807 | round(-99)
4611686018427387904 | round(-19)
true | round
true | round(-1)
7 | round(1, 'ceil')
1234 | round(-2, 'ceil')
1234 | round(-2, 'floor')
-1234 | round(-2, 'ceil')
2.671 | round(2, 'ceil')
2.679 | round(2, 'floor')
-2.671 | round(2, 'ceil')
9007199254740993 | round(3, 'floor')
'a' | round
none | round
2.5 | round(method='ceil')
'_1' | int
'1_' | int
'1_0' | int
'1__0' | int
'1_000' | int
'_' | int
'+1_0' | int
'--1' | int
'+' | int
'- 1' | int
'1_0.5' | int
'1_.5' | int
'1._5' | int
'1e1_0' | float
' 1_2 ' | float
'_1' | float
'1_' | float
'.5' | float
'5.' | float
'.' | float
'e5' | float
'1e' | float
'1e+2' | float
'1E-2' | float
'1e2e3' | float
'1.2.3' | float
'inf' | float
'-Infinity' | float
'+nan' | float
'nan(1)' | float
'infinit' | float
'inf' | int
'nan' | int
'inf' | int(7)
'0x1f' | int
'0x1f' | int(0, 0)
'0x1f' | int(0, 16)
'0X_1F' | int(0, 16)
'0x__1f' | int(0, 16)
'0x' | int(0, 16)
'-0b101' | int(0, 0)
'0b101' | int(0, 2)
'0b1' | int(0, 16)
'0o17' | int(0, 0)
'0o17' | int(0, 8)
'017' | int(0, 0)
'00' | int(5, 0)
'0_0' | int(5, 0)
'0' | int(5, 0)
'10' | int(0, 0)
'1_0' | int(0, 0)
'z' | int(0, 36)
'12' | int(0, 1)
'12' | int(0, 37)
'12' | int(0, -1)
'19' | int(3, 8)
'٣٤' | int
'１２' | int
'٣.٥' | float
'²' | int(9)
'1٣' | float
'\\u20031\\x1f' | int
'42.9' | int
'-42.9' | int
'' | int(3)
'1e3' | int
1e30 * 0 | int
1.9 | int
-1.9 | int
none | int(4)
[] | int(4)
range(1, 4)
range(3)
range(0, 6, 2)
range(5, 0, -1)
range(0)
[range(2)]
range(3) ~ '!'
range(3) | string
range(3) == range(0, 3, 1)
range(0, 5, 2) == range(0, 6, 2)
range(3) == [0, 1, 2]
[0, 1] == range(2)
range(9)[2:7:2]
range(2, 20, 3)[1:-1]
range(9)[::-1]
range(5)[5:]
range(3)[1]
range(3)[-1]
range(3)[9]
range(3) + range(2)
range(3) * 2
range(3) | tojson
range(3) | list
range(3) is sequence
range(3) is iterable
range(3) is mapping
range(3) | length
range(3).count(1)
range(3).index(2)
range(3).append
range(3) < range(4)
range(3) and 1
range(0) or 1
2 in range(3)
d.keys()
d.values()
d.items()
{}.keys()
{'k': [1]}.values()
[d.keys()]
d.keys() ~ ''
d.keys() | list
d.keys() | first
d.values() | last
d.values() | sum
d.keys() | sort
d.keys() | length
d.keys()[0]
d.items()[0]
d.keys()[0:1]
(not nil)[1:]
nil[1:]
n[:1]
f[:1]
d[1:]
missing[1:]
d.keys() + d.keys()
d.keys() * 2
d.keys() | tojson
d.keys() is sequence
d.keys() is iterable
d.items() is mapping
d.keys() == d.keys()
d.items() == d.items()
d.values() == d.values()
d.keys() == ['b', 'a', 'C']
{'a': 1, 'b': 2}.keys() == {'b': 3, 'a': 4}.keys()
{'a': 1, 'b': 2}.items() == {'b': 2, 'a': 1}.items()
{'a': 1}.items() == {'a': 2}.items()
d.keys() == d.items()
d.keys().count
'b' in d.keys()
3 in d.values()
('a', 1) in d.items()
{}.keys() or 'none'
d.keys() | join(',')
'ΑΣ'.lower()
'ΑΣ' | lower
'ΑΣ' | capitalize
'ΑΣ ΣΑ ΑΣΑ Σ'.lower()
'ΑΣ\\'Σ'.lower()
'ΑΣ\\u0301'.lower()
'ΑΣ\\u0301Α'.lower()
'Α\\u0301Σ.'.lower()
'1Σ'.lower()
'ΟΔΥΣΣΕΥΣ' | title
'ΟΔΥΣΣΕΥΣ'.title()
'ΟΔΥΣΣΕΥΣ'.capitalize()
'ΑΣ ΑΣ' | title
'ΑΒΣ-ΣΑΣ' | title
'ΑΣ-ΣΑΣ'.title()
'Σ' | lower
['ΑΣ', 'ας'] | unique | list
['ΑΣ', 'ασ'] | unique | list
"""
