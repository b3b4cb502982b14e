"""Evaluates IAM policies: identity policies and the trust policies of roles.

Follows "Policy evaluation logic" of the IAM user guide for one account: an explicit Deny wins, then an
Allow, else it is an implicit deny. An operator that is not evaluated here is an error, never a guess.
"""

import ipaddress
import json
import re
from typing import Any, Callable

from errors import AwsError

ALLOWED = "allowed"
EXPLICIT_DENY = "explicitDeny"
IMPLICIT_DENY = "implicitDeny"

Context = dict[str, list[str]]


def evaluate(
    documents: list[str],
    action: str,
    resource: str | None,
    context: Context,
    principals: set[str] | None = None,
) -> str:
    """The decision of some policy documents on one action.

    `resource` is None for a trust policy, `principals` is None for an identity policy; `principals` holds
    every way in which the asking principal can be named in a trust policy, as "AWS:…" or "Federated:…".
    """
    context = {key.lower(): values for key, values in context.items()}
    decision = IMPLICIT_DENY
    for document in documents:
        for statement in as_list(json.loads(document)["Statement"]):
            if not (
                _names_principal(statement, principals)
                and _names_action(statement, action)
                and _names_resource(statement, resource)
                and _meets_conditions(statement.get("Condition", {}), context)
            ):
                continue
            if statement["Effect"] == "Deny":
                return EXPLICIT_DENY
            decision = ALLOWED
    return decision


def condition_keys(documents: list[str]) -> set[str]:
    """Returns the condition keys of all statements, in lower case."""
    return {
        key.lower()
        for document in documents
        for statement in as_list(json.loads(document)["Statement"])
        for keys in statement.get("Condition", {}).values()
        for key in keys
    }


def as_list(value: Any) -> list[Any]:
    """Returns a list. In IAM, a list with one element can be written without its brackets."""
    return value if isinstance(value, list) else [value]


def like(pattern: str, value: str, ignore_case: bool = False) -> bool:
    """Whether a value matches a pattern with `*` and `?`."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _names_principal(statement: dict[str, Any], principals: set[str] | None) -> bool:
    if principals is None:
        return True
    negated = "NotPrincipal" in statement
    element = statement["NotPrincipal" if negated else "Principal"]
    if element == "*":
        element = {"AWS": "*"}
    named = {f"{kind}:{name}" for kind, names in element.items() for name in as_list(names)}
    everyone = "AWS:*" in named and any(principal.startswith("AWS:") for principal in principals)
    return (everyone or not named.isdisjoint(principals)) != negated


def _names_action(statement: dict[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(like(pattern, action, True) for pattern in as_list(statement["NotAction"]))
    return any(like(pattern, action, True) for pattern in as_list(statement["Action"]))


def _names_resource(statement: dict[str, Any], resource: str | None) -> bool:
    if resource is None:
        return True
    if "NotResource" in statement:
        return not any(like(pattern, resource) for pattern in as_list(statement["NotResource"]))
    return any(like(pattern, resource) for pattern in as_list(statement["Resource"]))


def _meets_conditions(conditions: dict[str, dict[str, Any]], context: Context) -> bool:
    return all(
        _meets_condition(operator, context.get(key.lower()), [_text(value) for value in as_list(expected)])
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda expected, value: expected == value,
    "StringEqualsIgnoreCase": lambda expected, value: expected.lower() == value.lower(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda expected, value: expected.lower() == value.lower(),
    "IpAddress": lambda expected, value: ipaddress.ip_address(value) in ipaddress.ip_network(expected, False),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
}


def _meets_condition(operator: str, values: list[str] | None, expected: list[str]) -> bool:
    name = operator
    if name == "Null":
        return (values is None) == (expected[0] == "true")
    quantifier, _, rest = name.rpartition(":")
    name = rest.removesuffix("IfExists")
    negated = name in _NEGATED
    compare = _OPERATORS.get(_NEGATED.get(name, name))
    if compare is None or quantifier not in ("", "ForAnyValue", "ForAllValues"):
        raise AwsError("InternalFailure", f"the sandbox does not evaluate the condition operator {operator}", 500)
    if values is None:
        if name != rest:
            return True
        return negated if quantifier == "" else quantifier == "ForAllValues"
    matches = [any(compare(one, value) for one in expected) != negated for value in values]
    return all(matches) if quantifier == "ForAllValues" or (quantifier == "" and negated) else any(matches)
