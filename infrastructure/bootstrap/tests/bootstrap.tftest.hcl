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
        NotAction = ["account:*", "iam:*", "organizations:*", "sts:AssumeRole"]
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
    ]
    error_message = "The boundary is another one."
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
