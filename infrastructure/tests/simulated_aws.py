"""moto's server, with what it leaves out of AWS. Takes the arguments of moto_server.

moto judges actions and resources. Here is what S3 and KMS ask of policies besides, as AWS documents it:
- the condition of our bucket policies, with which moto denies everything: what is sent counts as sent by TLS;
- `s3:prefix` in the condition of a policy: what is listed;
- who may not list a file that is missing is told that it is forbidden;
- an object under a key of KMS is read with kms:Decrypt and written with kms:GenerateDataKey;
- each file of a request that deletes several.

And how AWS shows machines: without the association of a public address where there is none, in the security groups of
their first network interface, and a launch template without the tags that are its own.
"""

from collections.abc import Iterator
from typing import Any

import xmltodict
from flask import g
from flask import request as received
from moto.core.serialize import return_if_not_empty
from moto.ec2.models.instances import Instance
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.iam.access_control import IAMPolicyStatement, PermissionResult, S3IAMRequest
from moto.s3.models import S3Backend, s3_backends
from moto.server import main
from moto.utilities.utils import get_partition

WITHOUT_TLS = {'Bool': {'aws:SecureTransport': 'false'}}
# What the call is named is not always what a policy allows.
ACTIONS = {'s3:HeadBucket': 's3:ListBucket', 's3:GetObjectVersion': 's3:GetObject'}

judge_without_conditions = IAMPolicyStatement.is_action_permitted
check_without_others = S3IAMRequest.check_action_permitted
check_signature_of_path = S3IAMRequest.check_signature
connect_without_groups = Instance.prep_nics
create_version_with_tags = LaunchTemplate.create_version


def judge(statement: IAMPolicyStatement, *args: object, **kwargs: object) -> PermissionResult:
    """What the statement says of a request, as `is_action_permitted` of moto."""
    condition = statement._statement.get('Condition')
    if condition == WITHOUT_TLS:
        return PermissionResult.NEUTRAL
    if condition is not None and list(condition) == ['StringLike'] and list(condition['StringLike']) == ['s3:prefix']:
        if not any(statement._match(each, g.prefix) for each in condition['StringLike']['s3:prefix']):
            return PermissionResult.NEUTRAL
        statement = IAMPolicyStatement({**statement._statement, 'Condition': None})
    return judge_without_conditions(statement, *args, **kwargs)


def check_signature(request: S3IAMRequest) -> None:
    """Raises where the signature is not of the address as it was sent: moto has decoded it."""
    request._path = received.environ['RAW_URI']
    check_signature_of_path(request)


def check(request: S3IAMRequest, resource: str) -> None:
    """Raises where a policy does not allow the request, or what it needs besides."""
    request._action = ACTIONS.get(request._action, request._action)
    bucket, _, key = resource.rpartition(':')[2].partition('/')
    g.prefix = key or received.args.get('prefix', '')
    if request._action == 's3:DeleteObject' and not key:
        for deleted in xmltodict.parse(request._body, force_list=['Object'])['Delete']['Object']:
            check_without_others(request, f'{resource}/{deleted["Key"]}')
        return
    check_without_others(request, resource)
    backend = s3_backends[request.account_id][get_partition(request._region)]
    for action, other in list(others(request, backend, bucket, key)):
        request._action = action
        check_without_others(request, other)


def others(request: S3IAMRequest, backend: S3Backend, bucket: str, key: str) -> Iterator[tuple[str, str]]:
    """Action and resource of what else a request for an object needs."""
    if request._action == 's3:GetObject':
        there = backend.get_object(bucket, key)
        if there is None:
            yield 's3:ListBucket', f'arn:aws:s3:::{bucket}'
        elif there.encryption == 'aws:kms' and (request._method == 'GET' or 'x-amz-checksum-mode' in received.headers):
            yield 'kms:Decrypt', there.kms_key_id
    if request._action == 's3:PutObject':
        encryption = backend.get_bucket_encryption(bucket)
        default = encryption['Rule']['ApplyServerSideEncryptionByDefault'] if encryption else {}
        if default.get('SSEAlgorithm') == 'aws:kms':
            yield 'kms:GenerateDataKey', default['KMSMasterKeyID']


def connect(instance: Instance, *args: object, **kwargs: object) -> None:
    """Makes the network interfaces of a machine, as `prep_nics` of moto."""
    connect_without_groups(instance, *args, **kwargs)
    instance.security_groups = instance.nics[0].group_set


def create_version(template: LaunchTemplate, data: dict[str, Any], description: str) -> LaunchTemplateVersion:
    """A version of a launch template, with the tags of what is launched alone."""
    launched = [one for one in data.get('TagSpecifications', []) if one['ResourceType'] != 'launch-template']
    return create_version_with_tags(template, {**data, 'TagSpecifications': launched}, description)


if __name__ == '__main__':
    IAMPolicyStatement.is_action_permitted = judge
    S3IAMRequest.check_action_permitted = check
    S3IAMRequest.check_signature = check_signature
    Instance.prep_nics = connect
    LaunchTemplate.create_version = create_version
    EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER['NetworkInterface.Association'] = return_if_not_empty
    main()
