mock_provider "aws" {
  mock_resource "aws_ecr_repository" {
    defaults = {
      arn = "arn:aws:ecr:eu-central-1:123456789012:repository/cv-inference"
    }
  }
}

variables {
  name = "cv-inference"
}

run "a_tag_names_one_image_which_is_scanned_and_encrypted" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "A tag can be moved."
  }

  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Images are not scanned."
  }

  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS"
    error_message = "Images are not encrypted by KMS."
  }

  assert {
    condition     = aws_ecr_repository.this.force_delete == false
    error_message = "Destroy deletes images, although nobody said so."
  }
}

run "untagged_images_expire_and_tagged_ones_never" {
  command = plan

  assert {
    condition = [
      for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules :
      [rule.selection.tagStatus, rule.selection.countType, rule.selection.countNumber, rule.action.type]
    ] == [["untagged", "sinceImagePushed", 14, "expire"]]
    error_message = "The lifecycle is another one."
  }
}

run "whoever_pulls_or_pushes_may_do_so_here_alone_and_delete_nothing" {
  assert {
    condition = alltrue([
      for statement in concat(jsondecode(output.pull_policy).Statement, jsondecode(output.push_policy).Statement) :
      statement.Resource == [aws_ecr_repository.this.arn] || statement.Action == ["ecr:GetAuthorizationToken"]
    ])
    error_message = "A policy is about more than this repository."
  }

  assert {
    condition = alltrue([
      for action in flatten(concat(jsondecode(output.pull_policy).Statement, jsondecode(output.push_policy).Statement)[*].Action) :
      !strcontains(action, "*") && !strcontains(action, "Delete")
    ])
    error_message = "A policy has wildcards, or deletes."
  }

  assert {
    condition     = !strcontains(output.pull_policy, "ecr:PutImage") && strcontains(output.push_policy, "ecr:PutImage")
    error_message = "Whoever pulls may push, or whoever pushes may not."
  }
}

run "refuses_a_name_that_ecr_would_not_take" {
  command = plan

  variables {
    name = "CV-Inference"
  }

  expect_failures = [var.name]
}

run "refuses_to_delete_what_was_just_pushed" {
  command = plan

  variables {
    untagged_days = 0
  }

  expect_failures = [var.untagged_days]
}
