mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  github_repository = "owner/name"
}

run "its_parts_fit_and_carry_its_name" {
  assert {
    condition     = output.platform.models_uri == "s3://cv-inference-production-models-123456789012/models"
    error_message = "models_uri is ${output.platform.models_uri}."
  }
}

run "refuses_a_repository_without_an_owner" {
  command = plan

  variables {
    github_repository = "name"
  }

  expect_failures = [var.github_repository]
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
