mock_provider "aws" {
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    }
  }

  mock_resource "aws_iam_policy" {
    defaults = {
      arn = "arn:aws:iam::123456789012:policy/cv-inference-boundary"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/cv-inference-plan"
    }
  }
}

override_data {
  target = data.aws_caller_identity.this
  values = {
    account_id = "123456789012"
  }
}

variables {
  github_repository = "owner/name"
}

run "state_has_a_bucket_of_its_own" {
  assert {
    condition     = output.state_bucket == "cv-inference-state-123456789012"
    error_message = "The bucket is ${output.state_bucket}."
  }
}

run "github_is_asked_for_tokens_that_are_made_for_aws" {
  command = plan

  assert {
    condition = (
      aws_iam_openid_connect_provider.github.url == "https://token.actions.githubusercontent.com" &&
      aws_iam_openid_connect_provider.github.client_id_list == toset(["sts.amazonaws.com"])
    )
    error_message = "Other tokens are taken."
  }
}

run "no_role_of_an_environment_can_make_identities" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_policy.boundary.policy).Statement == [
      {
        Sid       = "NoIdentities"
        Effect    = "Allow"
        NotAction = ["account:*", "iam:*", "organizations:*", "identitystore:*", "sso-directory:*", "sso:*", "sts:AssumeRole", "sts:AssumeRoot"]
        Resource  = "*"
      },
      {
        Sid       = "GiveNodesTheirRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = ["arn:aws:iam::123456789012:role/cv-inference-*-node"]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "SeeInstanceProfiles"
        Effect   = "Allow"
        Action   = ["iam:GetInstanceProfile", "iam:ListInstanceProfiles"]
        Resource = ["*"]
      },
      {
        Sid    = "StateStays"
        Effect = "Deny"
        Action = [
          "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion", "s3:PutBucketPolicy",
          "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
          "s3:PutLifecycleConfiguration",
        ]
        Resource = ["arn:aws:s3:::cv-inference-state-123456789012", "arn:aws:s3:::cv-inference-state-123456789012/*"]
      },
    ]
    error_message = "The boundary is another one."
  }
}

run "pull_requests_and_main_plan_and_read_configuration_and_state_alone" {
  assert {
    condition     = toset(module.plan.subjects) == toset(["repo:owner/name:pull_request", "repo:owner/name:ref:refs/heads/main"])
    error_message = "Other jobs plan."
  }

  assert {
    condition     = module.plan.managed_policy_arns == ["arn:aws:iam::aws:policy/SecurityAudit"] && keys(module.plan.policies) == ["state"]
    error_message = "Jobs that plan have other policies."
  }

  assert {
    condition = {
      for statement in jsondecode(module.plan.policies["state"]).Statement : statement.Sid => [statement.Effect, join(" ", statement.Resource)]
      } == {
      ReadState    = ["Allow", "arn:aws:s3:::cv-inference-state-123456789012/*/terraform.tfstate"]
      ReadBudget   = ["Allow", "arn:aws:budgets::123456789012:budget/cv-inference"]
      ReadClusters = ["Allow", "arn:aws:eks:*:123456789012:*/cv-inference-*"]
      ReadRules    = ["Allow", "arn:aws:events:*:123456789012:rule/cv-inference-*"]
      ReadQueues   = ["Allow", "arn:aws:sqs:*:123456789012:cv-inference-*"]
    }
    error_message = "Jobs that plan read something else."
  }

  assert {
    condition = alltrue([
      for action in flatten(jsondecode(module.plan.policies["state"]).Statement[*].Action) : can(regex("^[a-z0-9]+:(Describe|Get|List|View)[A-Za-z]+$", action))
    ])
    error_message = "Jobs that plan do more than read."
  }
}

run "jobs_of_the_environment_with_approval_apply_but_can_leave_no_bounds" {
  assert {
    condition     = module.apply.subjects == ["repo:owner/name:environment:infrastructure"]
    error_message = "Other jobs apply."
  }

  assert {
    condition     = module.apply.managed_policy_arns == ["arn:aws:iam::aws:policy/PowerUserAccess"] && keys(module.apply.policies) == ["roles"]
    error_message = "Jobs that apply have other policies."
  }

  assert {
    condition = jsondecode(module.apply.policies["roles"]).Statement == [
      {
        Sid    = "GrantWithinBoundary"
        Effect = "Allow"
        Action = [
          "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
          "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
        ]
        Resource  = ["arn:aws:iam::123456789012:role/cv-inference-*"]
        Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::123456789012:policy/cv-inference-boundary" } }
      },
      {
        Sid    = "KeepRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:ListRoleTags", "iam:TagRole",
          "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
        ]
        Resource = ["arn:aws:iam::123456789012:role/cv-inference-*"]
      },
      {
        Sid      = "HandRolesToServices"
        Effect   = "Allow"
        Action   = ["iam:PassRole"]
        Resource = ["arn:aws:iam::123456789012:role/cv-inference-*"]
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
        Resource = ["arn:aws:iam::123456789012:instance-profile/cv-inference-*"]
      },
      {
        Sid      = "SeeRolesOfServices"
        Effect   = "Allow"
        Action   = ["iam:GetRole"]
        Resource = ["arn:aws:iam::123456789012:role/aws-service-role/*"]
      },
      {
        Sid    = "NotItself"
        Effect = "Deny"
        Action = ["iam:*"]
        Resource = [
          "arn:aws:iam::123456789012:role/cv-inference-plan",
          "arn:aws:iam::123456789012:role/cv-inference-apply",
          "arn:aws:iam::123456789012:policy/cv-inference-boundary",
          "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
        ]
      },
      {
        Sid      = "NobodyElse"
        Effect   = "Deny"
        Action   = ["identitystore:*", "sso-directory:*", "sso:*", "sts:AssumeRole", "sts:AssumeRoot"]
        Resource = ["*"]
      },
      {
        Sid    = "StateStays"
        Effect = "Deny"
        Action = [
          "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion", "s3:PutBucketPolicy",
          "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
          "s3:PutLifecycleConfiguration",
        ]
        Resource = ["arn:aws:s3:::cv-inference-state-123456789012", "arn:aws:s3:::cv-inference-state-123456789012/*"]
      },
    ]
    error_message = "Jobs that apply may do something else."
  }
}

run "there_is_no_alarm_without_somebody_to_tell" {
  command = plan

  assert {
    condition     = length(module.budget) == 0
    error_message = "There is a budget."
  }
}

run "the_account_has_a_budget" {
  command = plan

  variables {
    budget = { limit_usd = 1300, emails = ["platform@example.com"] }
  }

  assert {
    condition     = length(module.budget) == 1
    error_message = "There is no budget."
  }
}

run "refuses_a_budget_that_tells_nobody" {
  command = plan

  variables {
    budget = { limit_usd = 1300 }
  }

  expect_failures = [var.budget]
}

run "refuses_a_repository_without_an_owner" {
  command = plan

  variables {
    github_repository = "name"
  }

  expect_failures = [var.github_repository]
}

run "refuses_an_environment_of_any_name" {
  command = plan

  variables {
    github_environment = "*"
  }

  expect_failures = [var.github_environment]
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "refuses_a_name_that_leaves_no_room" {
  command = plan

  variables {
    name = "an-inference-service-with-a-name"
  }

  expect_failures = [var.name]
}
