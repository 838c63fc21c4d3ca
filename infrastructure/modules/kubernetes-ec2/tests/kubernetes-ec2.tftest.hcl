mock_provider "aws" {
  mock_resource "aws_lb" {
    defaults = {
      arn      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/cv-inference-dev-api/1"
      dns_name = "api.example.com"
    }
  }

  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/cv-inference-dev-api/1"
    }
  }

  mock_resource "aws_security_group" {
    defaults = {
      id = "sg-api"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-1"
      latest_version = 1
    }
  }
}

override_data {
  target = data.aws_region.this
  values = {
    id = "eu-central-1"
  }
}

override_data {
  target = data.aws_default_tags.this
  values = {
    tags = { Project = "cv-inference" }
  }
}

override_resource {
  target = aws_secretsmanager_secret.join["control-plane"]
  values = {
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:join-control-plane"
  }
}

override_resource {
  target = aws_secretsmanager_secret.join["worker"]
  values = {
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:join-worker"
  }
}

variables {
  name                     = "cv-inference-dev"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-a", "subnet-b", "subnet-c"]
  security_group_id        = "sg-nodes"
  image_id                 = "ami-0123456789abcdef0"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/cv-inference-boundary"
}

# First: later runs find its machines, which keep their user data.
run "three_are_in_three_zones_and_one_of_them_makes_the_cluster" {
  variables {
    control_plane_count = 3
  }

  assert {
    condition     = [for instance in aws_instance.control_plane : instance.subnet_id] == ["subnet-a", "subnet-b", "subnet-c"]
    error_message = "Control planes share a zone."
  }

  assert {
    condition = { for index, instance in aws_instance.control_plane : index => instance.user_data_base64 } == {
      "0" = local.user_data["first"]
      "1" = local.user_data["further"]
      "2" = local.user_data["further"]
    }
    error_message = "Two would make a cluster, or none."
  }

  assert {
    condition     = length(aws_lb_target_group_attachment.api) == 3
    error_message = "The load balancer does not know all control planes."
  }
}

run "one_control_plane_is_enough" {
  assert {
    condition     = output.control_plane_instance_ids == [aws_instance.control_plane["0"].id] && length(aws_instance.control_plane) == 1
    error_message = "There is more than one control plane, although one was asked for."
  }
}

run "no_machine_has_a_public_address" {
  assert {
    condition = (
      alltrue([for instance in aws_instance.control_plane : instance.associate_public_ip_address == false]) &&
      tobool(aws_launch_template.worker.network_interfaces[0].associate_public_ip_address) == false
    )
    error_message = "A machine has a public address."
  }

  assert {
    condition     = aws_lb.api.internal
    error_message = "The API is on the internet."
  }
}

run "credentials_of_a_machine_are_for_the_machine_alone" {
  assert {
    condition = alltrue([
      for options in concat(
        [for instance in aws_instance.control_plane : instance.metadata_options[0]],
        aws_launch_template.worker.metadata_options,
      ) : options.http_tokens == "required" && options.http_put_response_hop_limit == 1
    ])
    error_message = "A pod could take the credentials of its machine."
  }
}

run "every_disk_is_encrypted" {
  assert {
    condition = (
      alltrue([for instance in aws_instance.control_plane : instance.root_block_device[0].encrypted]) &&
      [for device in aws_launch_template.worker.block_device_mappings : [device.device_name, device.ebs[0].encrypted]] ==
      [["/dev/xvda", "true"]]
    )
    error_message = "A disk is not encrypted."
  }
}

run "the_api_is_reached_from_nodes_alone" {
  assert {
    condition = [
      for rule in [
        aws_vpc_security_group_ingress_rule.api_from_nodes, aws_vpc_security_group_egress_rule.api_to_nodes,
        aws_vpc_security_group_ingress_rule.nodes_from_api, aws_vpc_security_group_egress_rule.nodes_to_api,
      ] : "${rule.security_group_id} ${rule.referenced_security_group_id} ${rule.ip_protocol} ${rule.from_port}-${rule.to_port}"
      ] == [
      "sg-api sg-nodes tcp 6443-6443", "sg-api sg-nodes tcp 6443-6443",
      "sg-nodes sg-api tcp 6443-6443", "sg-nodes sg-api tcp 6443-6443",
    ]
    error_message = "Somebody else talks to the API, or on another port."
  }

  assert {
    condition     = aws_lb.api.security_groups == toset(["sg-api"]) && aws_lb_listener.api.port == 6443
    error_message = "The load balancer has another security group or port."
  }
}

run "a_control_plane_reaches_itself_by_the_load_balancer_and_only_when_it_is_ready" {
  assert {
    condition     = aws_lb_target_group.api.preserve_client_ip == "false"
    error_message = "A control plane cannot reach itself by the load balancer."
  }

  assert {
    condition     = [aws_lb_target_group.api.health_check[0].protocol, aws_lb_target_group.api.health_check[0].path] == ["HTTPS", "/readyz"]
    error_message = "The load balancer does not ask whether the API is ready."
  }
}

run "machines_join_and_are_reached_and_may_nothing_else" {
  assert {
    condition = { for machine, policy in aws_iam_role_policy.join : machine => [
      for statement in jsondecode(policy.policy).Statement : [statement.Sid, statement.Action, statement.Resource]
      ] } == {
      control-plane = [
        [
          "Join", ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
          ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:join-control-plane"],
        ],
        [
          "RenewTokens", ["secretsmanager:PutSecretValue"],
          [
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:join-control-plane",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:join-worker",
          ],
        ],
      ]
      worker = [
        ["Join", ["secretsmanager:GetSecretValue"], ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:join-worker"]],
      ]
    }
    error_message = "A machine may read or write another secret."
  }

  assert {
    condition = alltrue([
      for policy in aws_iam_role_policy.session_manager : alltrue([
        for action in jsondecode(policy.policy).Statement[0].Action :
        startswith(action, "ssmmessages:") || action == "ssm:UpdateInstanceInformation"
      ])
    ])
    error_message = "Session Manager gives machines more than sessions."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.this :
      role.permissions_boundary == var.permissions_boundary_arn &&
      jsondecode(role.assume_role_policy).Statement == [{
        Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole"
      }]
    ])
    error_message = "A role has no boundary, or somebody else takes it."
  }

  assert {
    condition     = length(aws_iam_role_policy.node) == 0
    error_message = "A machine has policies that nobody gave."
  }
}

run "every_machine_has_the_policies_that_were_given" {
  variables {
    node_policies = { pull = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  assert {
    condition     = [for key, policy in aws_iam_role_policy.node : [key, policy.name]] == [["control-plane-pull", "pull"], ["worker-pull", "pull"]]
    error_message = "A machine cannot pull."
  }
}

run "cloud_init_runs_the_roles" {
  assert {
    condition = alltrue([
      for config in local.cloud_config : startswith(config, "#cloud-config\n") &&
      yamldecode(config).packages == ["ansible-core"] &&
      yamldecode(config).runcmd == [["/usr/local/sbin/cluster-play", "node"]]
    ])
    error_message = "cloud-init runs something else."
  }

  assert {
    condition = toset([for file in yamldecode(local.cloud_config["worker"]).write_files : file.path]) == setunion(
      ["/etc/cluster/inventory.yaml", "/usr/local/sbin/cluster-play"],
      [for file in fileset("../../ansible", "*.yml") : "/opt/cluster/${file}"],
      [for file in fileset("../../ansible", "{group_vars,roles}/**") : "/opt/cluster/${file}"],
    )
    error_message = "A file of the roles is missing, or there is one too many."
  }

  assert {
    condition     = contains([for file in yamldecode(local.cloud_config["worker"]).write_files : file.path], "/opt/cluster/roles/join/tasks/main.yml")
    error_message = "There are no roles."
  }
}

# Which the tests of the roles play with.
run "each_machine_knows_its_group_and_its_own_secret" {
  variables {
    control_plane_count = 3
  }

  assert {
    condition     = jsonencode(local.inventories) == jsonencode(yamldecode(file("../../ansible/tests/inventories.yaml")))
    error_message = "A machine is told something else: ${yamlencode(local.inventories)}"
  }
}

run "user_data_is_small_enough_for_ec2_and_holds_no_token" {
  # 16 KiB, in base64.
  assert {
    condition     = alltrue([for data in local.user_data : length(data) <= 16384 * 4 / 3])
    error_message = "EC2 does not take that much user data: ${jsonencode({ for machine, data in local.user_data : machine => length(data) })} of 21845 characters."
  }

  assert {
    condition     = alltrue([for config in local.cloud_config : !can(regex("[a-z0-9]{6}\\.[a-z0-9]{16}", config))])
    error_message = "A token is in the user data."
  }
}

run "workers_are_replaced_one_by_one_and_tagged" {
  assert {
    condition = (
      [aws_autoscaling_group.workers.min_size, aws_autoscaling_group.workers.max_size] == [2, 6] &&
      aws_autoscaling_group.workers.vpc_zone_identifier == toset(var.subnet_ids) &&
      aws_autoscaling_group.workers.instance_refresh[0].preferences[0].min_healthy_percentage == 100
    )
    error_message = "Workers are fewer for a while, or in other zones."
  }

  assert {
    condition = { for tag in aws_autoscaling_group.workers.tag : tag.key => [tag.value, tag.propagate_at_launch] } == {
      Name    = ["cv-inference-dev-worker", true]
      Project = ["cv-inference", true]
    }
    error_message = "A worker has other tags."
  }
}

run "it_cannot_be_lost_by_mistake" {
  assert {
    condition     = aws_instance.control_plane["0"].disable_api_termination && aws_lb.api.enable_deletion_protection
    error_message = "Destroy ends the control plane."
  }
}

run "a_disposable_one_can_be_destroyed" {
  variables {
    disposable = true
  }

  assert {
    condition     = !aws_instance.control_plane["0"].disable_api_termination && !aws_lb.api.enable_deletion_protection
    error_message = "The cluster cannot be destroyed."
  }
}

run "refuses_two_control_planes" {
  command = plan

  variables {
    control_plane_count = 2
  }

  expect_failures = [var.control_plane_count]
}

run "refuses_a_single_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-a", "subnet-a"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_fewer_workers_at_most_than_at_least" {
  command = plan

  variables {
    worker_count = { min = 3, max = 2 }
  }

  expect_failures = [var.worker_count]
}

run "refuses_the_name_of_an_image" {
  command = plan

  variables {
    image_id = "debian-13-amd64"
  }

  expect_failures = [var.image_id]
}

run "refuses_a_name_that_is_too_long_for_a_load_balancer" {
  command = plan

  variables {
    name = "cv-inference-production-of-europe"
  }

  expect_failures = [var.name]
}

run "refuses_wrong_ids_types_and_policies" {
  command = plan

  variables {
    vpc_id                   = "cv-inference-dev"
    security_group_id        = "nodes"
    control_plane_type       = "large"
    worker_type              = "large"
    node_policies            = { one = "{}" }
    permissions_boundary_arn = "none"
  }

  expect_failures = [var.vpc_id, var.security_group_id, var.control_plane_type, var.worker_type, var.node_policies, var.permissions_boundary_arn]
}
