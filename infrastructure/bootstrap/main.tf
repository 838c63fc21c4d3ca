# What has to be there before anything else: where state lies, and who may plan and apply. Applied by a person, the first time
# with state on that machine: README.md.
terraform {
  backend "s3" {
    key          = "bootstrap/terraform.tfstate"
    use_lockfile = true
    encrypt      = true
  }
}

locals {
  account_id = data.aws_caller_identity.this.account_id
  state      = "arn:aws:s3:::${local.state_name}"
  state_name = "${var.name}-state-${local.account_id}"
  iam        = "arn:aws:iam::${local.account_id}"
  own_roles  = ["${local.iam}:role/${var.name}-plan", "${local.iam}:role/${var.name}-apply"]

  # Other roles, accounts' root users, and IAM Identity Center, which makes users and roles without a boundary.
  others = ["identitystore:*", "sso-directory:*", "sso:*", "sts:AssumeRole", "sts:AssumeRoot"]

  state_stays = {
    Sid    = "StateStays"
    Effect = "Deny"
    Action = [
      "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion", "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    Resource = [local.state, "${local.state}/*"]
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "cv-inference"
      Environment = "bootstrap"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

module "state" {
  source = "../modules/bucket"

  name = local.state_name
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

# What every role may do at most that the apply role makes: nothing with identities or how state is kept, whatever its policies
# say, but for giving the nodes of a cluster the role that is made for them (Karpenter).
resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_286:A boundary grants nothing: it bounds what other policies grant
  #checkov:skip=CKV_AWS_287:A boundary grants nothing: it bounds what other policies grant
  #checkov:skip=CKV_AWS_288:A boundary grants nothing: it bounds what other policies grant
  #checkov:skip=CKV_AWS_289:A boundary grants nothing: it bounds what other policies grant
  #checkov:skip=CKV_AWS_290:A boundary grants nothing: it bounds what other policies grant
  #checkov:skip=CKV_AWS_355:A boundary grants nothing: it bounds what other policies grant

  name        = "${var.name}-boundary"
  description = "Bounds every role that ${var.name}-apply makes."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NoIdentities"
      Effect    = "Allow"
      NotAction = concat(["account:*", "iam:*", "organizations:*"], local.others)
      Resource  = "*"
      }, {
      Sid       = "GiveNodesTheirRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = ["${local.iam}:role/${var.name}-*-node"]
      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      }, {
      Sid      = "SeeInstanceProfiles"
      Effect   = "Allow"
      Action   = ["iam:GetInstanceProfile", "iam:ListInstanceProfiles"]
      Resource = ["*"]
    }, local.state_stays]
  })
}

# Of the whole account, whatever it was spent on.
module "budget" {
  source = "../modules/budget"
  count  = var.budget == null ? 0 : 1

  name      = var.name
  limit_usd = var.budget.limit_usd
  emails    = var.budget.emails
  topic_arn = var.budget.topic_arn
}

# Configuration alone: SecurityAudit reads no objects, images or secrets.
module "plan" {
  source = "../modules/github-role"

  name                = "${var.name}-plan"
  description         = "Reads configuration and state: plans of pull requests, and what has drifted on main."
  provider_arn        = aws_iam_openid_connect_provider.github.arn
  repository          = var.github_repository
  subjects            = ["pull_request", "ref:refs/heads/main"]
  managed_policy_arns = ["arn:aws:iam::aws:policy/SecurityAudit"]

  policies = {
    state = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid      = "ReadState"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.state}/*/terraform.tfstate"]
        }, {
        Sid      = "ReadBudget"
        Effect   = "Allow"
        Action   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
        Resource = ["arn:aws:budgets::${local.account_id}:budget/${var.name}"]
        }, {
        Sid    = "ReadClusters"
        Effect = "Allow"
        Action = [
          "eks:DescribeAccessEntry", "eks:DescribeAddon", "eks:DescribeCluster", "eks:DescribeNodegroup",
          "eks:DescribePodIdentityAssociation", "eks:ListAssociatedAccessPolicies", "eks:ListTagsForResource",
        ]
        Resource = ["arn:aws:eks:*:${local.account_id}:*/${var.name}-*"]
        }, {
        Sid      = "ReadRules"
        Effect   = "Allow"
        Action   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
        Resource = ["arn:aws:events:*:${local.account_id}:rule/${var.name}-*"]
        }, {
        Sid      = "ReadQueues"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
        Resource = ["arn:aws:sqs:*:${local.account_id}:${var.name}-*"]
      }]
    })
  }
}

module "apply" {
  source = "../modules/github-role"

  name                = "${var.name}-apply"
  description         = "Applies what was reviewed: jobs of the GitHub environment ${var.github_environment} alone."
  provider_arn        = aws_iam_openid_connect_provider.github.arn
  repository          = var.github_repository
  subjects            = ["environment:${var.github_environment}"]
  managed_policy_arns = ["arn:aws:iam::aws:policy/PowerUserAccess"]

  policies = {
    roles = jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "GrantWithinBoundary"
          Effect = "Allow"
          Action = [
            "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
            "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
          ]
          Resource  = ["${local.iam}:role/${var.name}-*"]
          Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.boundary.arn } }
        },
        {
          Sid    = "KeepRoles"
          Effect = "Allow"
          Action = [
            "iam:DeleteRole", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:ListRoleTags", "iam:TagRole",
            "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
          ]
          Resource = ["${local.iam}:role/${var.name}-*"]
        },
        {
          Sid      = "HandRolesToServices"
          Effect   = "Allow"
          Action   = ["iam:PassRole"]
          Resource = ["${local.iam}:role/${var.name}-*"]
          Condition = { StringEquals = { "iam:PassedToService" = [
            "ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com", "vpc-flow-logs.amazonaws.com",
          ] } }
        },
        {
          Sid    = "KeepInstanceProfiles"
          Effect = "Allow"
          Action = [
            "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile",
            "iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
          ]
          Resource = ["${local.iam}:instance-profile/${var.name}-*"]
        },
        {
          Sid      = "SeeRolesOfServices"
          Effect   = "Allow"
          Action   = ["iam:GetRole"]
          Resource = ["${local.iam}:role/aws-service-role/*"]
        },
        {
          Sid    = "NotItself"
          Effect = "Deny"
          Action = ["iam:*"]
          Resource = concat(local.own_roles, [
            "${local.iam}:policy/${var.name}-boundary",
            "${local.iam}:oidc-provider/token.actions.githubusercontent.com",
          ])
        },
        {
          Sid      = "NobodyElse"
          Effect   = "Deny"
          Action   = local.others
          Resource = ["*"]
        },
        local.state_stays,
      ]
    })
  }
}
