"""moto's server, with the condition of our bucket policies: moto leaves conditions out and denies everything.

Takes the arguments of moto_server. What it is sent counts as sent by TLS, so that "TLS alone" denies nothing.
"""

from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.server import main

WITHOUT_TLS = {'Bool': {'aws:SecureTransport': 'false'}}
judge_without_conditions = IAMPolicyStatement.is_action_permitted


def judge(statement: IAMPolicyStatement, *args: object, **kwargs: object) -> PermissionResult:
    """What the statement says of a request, as `is_action_permitted` of moto."""
    if statement._statement.get('Condition') == WITHOUT_TLS:
        return PermissionResult.NEUTRAL
    return judge_without_conditions(statement, *args, **kwargs)


if __name__ == '__main__':
    IAMPolicyStatement.is_action_permitted = judge
    main()
