mock_provider "aws" {}

variables {
  name                     = "cv-inference-release"
  description              = "Releases."
  provider_arn             = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  repository               = "owner/name"
  subjects                 = ["ref:refs/tags/v*"]
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/cv-inference-boundary"
  policies                 = { one = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
}

run "is_taken_by_those_jobs_alone" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Federated = var.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = ["repo:owner/name:ref:refs/tags/v*"] }
      }
    }]
    error_message = "Somebody else may take the role."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has no boundary."
  }

  assert {
    condition     = aws_iam_role.this.max_session_duration == 3600
    error_message = "A session lasts for more than an hour."
  }
}

run "has_the_policies_that_are_given_and_no_other" {
  command = plan

  assert {
    condition     = keys(aws_iam_role_policy.this) == ["one"] && length(aws_iam_role_policy_attachment.this) == 0
    error_message = "The role has other policies than those that are given."
  }
}

run "refuses_jobs_of_any_branch" {
  command = plan

  variables {
    subjects = ["ref:refs/heads/*"]
  }

  expect_failures = [var.subjects]
}

run "refuses_any_job" {
  command = plan

  variables {
    subjects = ["*"]
  }

  expect_failures = [var.subjects]
}

run "refuses_no_job" {
  command = plan

  variables {
    subjects = []
  }

  expect_failures = [var.subjects]
}

run "refuses_any_repository_of_an_owner" {
  command = plan

  variables {
    repository = "owner/*"
  }

  expect_failures = [var.repository]
}

run "refuses_another_identity_provider" {
  command = plan

  variables {
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.example.com"
  }

  expect_failures = [var.provider_arn]
}

run "refuses_a_policy_that_is_none" {
  command = plan

  variables {
    policies = { one = "{}" }
  }

  expect_failures = [var.policies]
}

run "refuses_wrong_names_and_policies_of_somebody_else" {
  command = plan

  variables {
    name                     = "-"
    description              = ""
    managed_policy_arns      = ["arn:aws:iam::210987654321:policy/everything"]
    permissions_boundary_arn = "none"
  }

  expect_failures = [var.name, var.description, var.managed_policy_arns, var.permissions_boundary_arn]
}
