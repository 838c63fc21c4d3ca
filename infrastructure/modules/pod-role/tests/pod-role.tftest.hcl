mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/cv-inference-dev-service"
    }
  }
}

variables {
  name                     = "cv-inference-dev-service"
  description              = "Serves."
  cluster_name             = "cv-inference-dev"
  namespaces               = ["cv-inference-staging", "cv-inference"]
  service_account          = "cv-inference"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/cv-inference-boundary"
  policies                 = { one = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
}

run "is_taken_by_pods_of_that_service_account_alone" {
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-name"           = "cv-inference-dev"
          "aws:RequestTag/kubernetes-namespace"       = ["cv-inference", "cv-inference-staging"]
          "aws:RequestTag/kubernetes-service-account" = "cv-inference"
        }
      }
    }]
    error_message = "Somebody else may take the role."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has no boundary."
  }

  assert {
    condition = {
      for namespace, one in aws_eks_pod_identity_association.this :
      namespace => "${one.cluster_name} ${one.namespace} ${one.service_account} ${one.role_arn}"
      } == {
      "cv-inference"         = "cv-inference-dev cv-inference cv-inference arn:aws:iam::123456789012:role/cv-inference-dev-service"
      "cv-inference-staging" = "cv-inference-dev cv-inference-staging cv-inference arn:aws:iam::123456789012:role/cv-inference-dev-service"
    }
    error_message = "Other pods are given the role."
  }
}

run "has_the_policies_that_are_given_and_no_other" {
  command = plan

  assert {
    condition     = keys(aws_iam_role_policy.this) == ["one"] && length(aws_iam_role_policy_attachment.this) == 0
    error_message = "The role has other policies than those that are given."
  }
}

run "refuses_any_namespace" {
  command = plan

  variables {
    namespaces = ["*"]
  }

  expect_failures = [var.namespaces]
}

run "refuses_no_namespace" {
  command = plan

  variables {
    namespaces = []
  }

  expect_failures = [var.namespaces]
}

run "refuses_any_service_account" {
  command = plan

  variables {
    service_account = "cv-*"
  }

  expect_failures = [var.service_account]
}

run "refuses_a_policy_that_is_none" {
  command = plan

  variables {
    policies = { one = "{}" }
  }

  expect_failures = [var.policies]
}

run "refuses_a_policy_of_somebody_else" {
  command = plan

  variables {
    managed_policy_arns = ["arn:aws:iam::210987654321:policy/everything"]
  }

  expect_failures = [var.managed_policy_arns]
}

run "refuses_a_role_without_a_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "none"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "refuses_wrong_names" {
  command = plan

  variables {
    name         = "-"
    description  = ""
    cluster_name = "-"
  }

  expect_failures = [var.name, var.description, var.cluster_name]
}
