mock_provider "aws" {
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = {
      arn = "arn:aws:events:eu-central-1:123456789012:rule/one"
    }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      certificate_authority = [{ data = "b25l" }]
    }
  }

  mock_resource "aws_iam_instance_profile" {
    defaults = {
      arn = "arn:aws:iam::123456789012:instance-profile/cv-inference-dev-node"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/one"
    }
  }

  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:123456789012:key/one"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id = "lt-1"
    }
  }

  mock_resource "aws_security_group" {
    defaults = {
      id = "sg-load-balancer"
    }
  }

  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:cv-inference-dev-interruptions"
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
    tags = { Project = "cv-inference", Environment = "dev", ManagedBy = "terraform" }
  }
}

variables {
  name                     = "cv-inference-dev"
  account_id               = "123456789012"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-1", "subnet-2"]
  nodes_security_group_id  = "sg-nodes"
  admin_arns               = ["arn:aws:iam::123456789012:role/admin"]
  secret_arns              = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-one"]
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/cv-inference-boundary"
  workloads = {
    service = {
      namespaces      = ["cv-inference"]
      service_account = "cv-inference"
      policy          = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

run "its_api_is_reached_from_inside_alone" {
  command = plan

  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_public_access == false &&
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    )
    error_message = "The API is public, or not reached from inside."
  }

  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) &&
      aws_eks_cluster.this.vpc_config[0].security_group_ids == toset(["sg-nodes"])
    )
    error_message = "The control plane is elsewhere, or nodes do not reach it."
  }
}

run "its_api_is_public_to_the_networks_that_are_named_and_to_no_other" {
  command = plan

  variables {
    api_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_public_access &&
      aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"]) &&
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    )
    error_message = "The API is public to others."
  }
}

run "secrets_are_encrypted_by_a_key_of_their_own_which_is_rotated_and_lost_slowly" {
  assert {
    condition = (
      aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"]) &&
      aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == "arn:aws:kms:eu-central-1:123456789012:key/one"
    )
    error_message = "Secrets are not encrypted by the key."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key is not rotated, or gone in less than 30 days."
  }
}

run "the_key_of_a_disposable_one_is_gone_after_a_week" {
  command = plan

  variables {
    disposable = true
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 7
    error_message = "The key stays for other than 7 days."
  }
}

run "everything_that_the_control_plane_says_is_kept_for_a_month" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.enabled_cluster_log_types == toset(["api", "audit", "authenticator", "controllerManager", "scheduler"])
    error_message = "A log is off."
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this.name == "/aws/eks/cv-inference-dev/cluster" &&
      aws_cloudwatch_log_group.this.retention_in_days == 30
    )
    error_message = "Logs go elsewhere, or stay for other than 30 days."
  }
}

run "who_is_named_administers_it_and_nobody_else" {
  command = plan

  assert {
    condition = (
      aws_eks_cluster.this.access_config[0].authentication_mode == "API" &&
      aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions == false
    )
    error_message = "aws-auth counts, or whoever made the cluster."
  }

  assert {
    condition = [
      for one in aws_eks_access_policy_association.admin : [one.principal_arn, one.policy_arn, one.access_scope[0].type]
    ] == [["arn:aws:iam::123456789012:role/admin", "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", "cluster"]]
    error_message = "Somebody else administers the cluster."
  }
}

run "it_is_upgraded_rather_than_paid_for_six_times" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.upgrade_policy[0].support_type == "STANDARD"
    error_message = "Extended support is paid for."
  }
}

run "nodes_are_general_for_training_and_with_gpus_of_which_the_latter_are_on_spot_and_start_from_none" {
  command = plan

  assert {
    condition = {
      for name, group in aws_eks_node_group.this :
      name => "${group.capacity_type} ${group.ami_type} ${group.scaling_config[0].min_size}-${group.scaling_config[0].max_size}"
      } == {
      general  = "ON_DEMAND AL2023_x86_64_STANDARD 2-2"
      training = "SPOT AL2023_x86_64_STANDARD 0-2"
      gpu      = "SPOT AL2023_x86_64_NVIDIA 0-2"
    }
    error_message = "The groups are others."
  }

  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.capacity_type == "ON_DEMAND" || length(group.instance_types) > 1])
    error_message = "A group on spot knows one type alone."
  }
}

run "what_does_not_ask_for_training_or_a_gpu_stays_off_their_nodes" {
  command = plan

  assert {
    condition = {
      for name, group in aws_eks_node_group.this : name => [for one in group.taint : "${one.key}=${one.value}:${one.effect}"]
      } == {
      general  = []
      training = ["cv-inference/workload=training:NO_SCHEDULE"]
      gpu      = ["nvidia.com/gpu=present:NO_SCHEDULE"]
    }
    error_message = "The taints are others."
  }

  # What k8s/components/gpu and the device plugin look for.
  assert {
    condition     = aws_eks_node_group.this["gpu"].labels == tomap({ "nvidia.com/gpu.present" = "true" })
    error_message = "Pods do not find GPUs."
  }
}

run "nodes_are_private_encrypted_and_keep_their_credentials_from_pods" {
  command = plan

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "Pods reach the credentials of their node."
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.block_device_mappings[0].ebs[0].encrypted == "true" && template.block_device_mappings[0].ebs[0].volume_type == "gp3"
    ])
    error_message = "A volume is not encrypted."
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.vpc_security_group_ids == toset(["sg-nodes"]) && length(template.network_interfaces) == 0 && template.key_name == null
    ])
    error_message = "A node is in another group, or can be logged in to."
  }

  assert {
    condition = alltrue([
      for group in aws_eks_node_group.this : group.subnet_ids == toset(["subnet-1", "subnet-2"]) && length(group.remote_access) == 0
    ])
    error_message = "A node is elsewhere, or can be logged in to."
  }
}

run "instances_and_volumes_carry_the_tags_of_everything" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for name, template in aws_launch_template.node : [
        for one in template.tag_specifications :
        one.tags == tomap({ Project = "cv-inference", Environment = "dev", ManagedBy = "terraform", Name = "cv-inference-dev-${name}" })
      ]
    ]))
    error_message = "Something has no tags."
  }

  assert {
    condition     = [for one in aws_launch_template.node["gpu"].tag_specifications : one.resource_type] == ["instance", "network-interface", "volume"]
    error_message = "Something has no tags."
  }
}

run "nodes_pull_images_join_and_are_reached_by_session_manager_and_nothing_else" {
  command = plan

  assert {
    condition     = keys(aws_iam_role_policy_attachment.node) == ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy", "AmazonSSMManagedInstanceCore"]
    error_message = "Nodes may do something else."
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.cluster, aws_iam_role.node] : role.permissions_boundary == var.permissions_boundary_arn
    ])
    error_message = "A role has no boundary."
  }

  assert {
    condition = jsondecode(aws_iam_role.cluster.assume_role_policy).Statement[0].Condition.StringEquals == {
      "aws:SourceAccount" = "123456789012"
      "aws:SourceArn"     = "arn:aws:eks:eu-central-1:123456789012:cluster/cv-inference-dev"
    }
    error_message = "Another cluster may take the role of the control plane."
  }
}

run "network_policies_are_enforced_and_pods_get_credentials_and_volumes" {
  command = plan

  assert {
    condition     = toset(concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes))) == toset(["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"])
    error_message = "The add-ons are others."
  }

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "Network policies are not enforced."
  }
}

run "nobody_reaches_the_load_balancer_unless_named" {
  command = plan

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.load_balancer) == 0
    error_message = "The load balancer is open."
  }
}

run "who_is_named_reaches_it_by_https_or_is_led_there_and_it_reaches_the_service_alone" {
  variables {
    load_balancer_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition = [
      for rule in aws_vpc_security_group_ingress_rule.load_balancer : "${rule.cidr_ipv4} ${rule.ip_protocol} ${rule.from_port}-${rule.to_port}"
    ] == ["203.0.113.0/24 tcp 443-443", "203.0.113.0/24 tcp 80-80"]
    error_message = "Others reach the load balancer, or by other ports."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.load_balancer_to_nodes.referenced_security_group_id == "sg-nodes" &&
      aws_vpc_security_group_egress_rule.load_balancer_to_nodes.from_port == 8080 &&
      aws_vpc_security_group_egress_rule.load_balancer_to_nodes.to_port == 8080
    )
    error_message = "The load balancer reaches something else."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.nodes_from_load_balancer.security_group_id == "sg-nodes" &&
      aws_vpc_security_group_ingress_rule.nodes_from_load_balancer.referenced_security_group_id == "sg-load-balancer" &&
      aws_vpc_security_group_ingress_rule.nodes_from_load_balancer.cidr_ipv4 == null &&
      aws_vpc_security_group_ingress_rule.nodes_from_load_balancer.from_port == 8080 &&
      aws_vpc_security_group_ingress_rule.nodes_from_load_balancer.to_port == 8080
    )
    error_message = "Nodes let in somebody else, or by another port."
  }
}

run "karpenter_hears_of_nodes_that_are_about_to_go" {
  assert {
    condition = alltrue([
      for name, rule in aws_cloudwatch_event_rule.interruptions :
      aws_cloudwatch_event_target.interruptions[name].rule == rule.name && aws_cloudwatch_event_target.interruptions[name].arn == aws_sqs_queue.interruptions.arn
      ]) && { for name, rule in aws_cloudwatch_event_rule.interruptions : name => one(jsondecode(rule.event_pattern)["detail-type"]) } == {
      health        = "AWS Health Event"
      spot          = "EC2 Spot Instance Interruption Warning"
      rebalance     = "EC2 Instance Rebalance Recommendation"
      reservation   = "EC2 Capacity Reservation Instance Interruption Warning"
      state-changed = "EC2 Instance State-change Notification"
    }
    error_message = "Karpenter hears of something else."
  }

  assert {
    condition     = aws_sqs_queue.interruptions.sqs_managed_sse_enabled && aws_sqs_queue.interruptions.message_retention_seconds == 300
    error_message = "The queue is not encrypted, or tells of what has long happened."
  }

  assert {
    condition = { for one in jsondecode(aws_sqs_queue_policy.interruptions.policy).Statement : one.Sid => [one.Effect, one.Action] } == {
      FromItsRules = ["Allow", "sqs:SendMessage"]
      TLSAlone     = ["Deny", "sqs:*"]
    }
    error_message = "The queue's policy is another one."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue_policy.interruptions.policy).Statement[0].Principal == { Service = "events.amazonaws.com" } &&
      toset(jsondecode(aws_sqs_queue_policy.interruptions.policy).Statement[0].Condition.ArnEquals["aws:SourceArn"]) == toset(["arn:aws:events:eu-central-1:123456789012:rule/one"])
    )
    error_message = "Somebody else writes to the queue."
  }
}

run "controllers_change_what_is_theirs_alone" {
  assert {
    condition = alltrue([
      for statement in concat(local.karpenter_policy.Statement, local.load_balancer_policy.Statement, local.secrets_policy.Statement) :
      alltrue([for action in statement.Action : !strcontains(action, "*")]) && (
        !contains(statement.Resource, "*") ||
        alltrue([for action in statement.Action : can(regex(":(Describe|List|Get)", action))])
      )
    ])
    error_message = "A controller may do everything, or change anything."
  }

  assert {
    condition = alltrue([
      for statement in concat(local.karpenter_policy.Statement, local.load_balancer_policy.Statement) : alltrue([
        for resource in statement.Resource :
        resource == "*" || !strcontains(resource, "arn:aws:ec2:") && !strcontains(resource, "elasticloadbalancing") ||
        strcontains(resource, ":123456789012:") || contains(["arn:aws:ec2:eu-central-1::image/*", "arn:aws:ec2:eu-central-1::snapshot/*"], resource)
      ])
    ])
    error_message = "A controller reaches another account."
  }

  # What they may change of all of a kind, they may change by its tag alone.
  assert {
    condition = alltrue([
      for statement in local.karpenter_policy.Statement :
      strcontains(jsonencode(statement.Condition), "kubernetes.io/cluster/cv-inference-dev")
      if contains(["StartFromItsTemplates", "StartWithTags", "TagWhatIsStarted", "NameItsNodes", "EndItsNodes"], statement.Sid)
      ]) && alltrue([
      for statement in local.load_balancer_policy.Statement :
      strcontains(jsonencode(statement.Condition), "elbv2.k8s.aws/cluster\":\"cv-inference-dev")
      if contains(["Create", "TagWhatIsCreated", "ChangeItsOwn"], statement.Sid)
    ])
    error_message = "A controller changes what is another cluster's."
  }

  assert {
    condition = [
      for statement in local.karpenter_policy.Statement : [statement.Action, statement.Resource, statement.Condition.StringEquals["iam:PassedToService"]]
      if statement.Sid == "GiveNodesTheirRole"
    ] == [[["iam:PassRole"], [aws_iam_role.node.arn], "ec2.amazonaws.com"]]
    error_message = "Karpenter gives away other roles."
  }

  assert {
    condition = alltrue([
      for action in flatten(concat(local.karpenter_policy.Statement, local.load_balancer_policy.Statement)[*].Action) :
      !can(regex("^iam:(Add|Create|Delete|Put|Remove|Tag)|SecurityGroup(In|E)gress|(Create|Delete)SecurityGroup", action))
    ])
    error_message = "A controller makes identities, or opens a security group."
  }

  assert {
    condition = flatten(local.secrets_policy.Statement[*].Resource) == [
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cv-inference-dev/*",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-one",
    ]
    error_message = "External Secrets reads other secrets."
  }
}

run "outputs_are_those_of_the_settings" {
  assert {
    condition = [output.name, output.interruption_queue, output.node_instance_profile, output.load_balancer_security_group] == [
      "cv-inference-dev", "cv-inference-dev-interruptions", "cv-inference-dev-node", "cv-inference-dev-load-balancer",
    ]
    error_message = "Argo CD and k8s/components/alb are told something else."
  }
}

run "refuses_the_whole_internet_at_its_api" {
  command = plan

  variables {
    api_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.api_cidrs]
}

run "refuses_an_address_in_place_of_a_network" {
  command = plan

  variables {
    api_cidrs = ["203.0.113.7"]
  }

  expect_failures = [var.api_cidrs]
}

run "refuses_what_is_no_network_at_the_load_balancer" {
  command = plan

  variables {
    load_balancer_cidrs = ["203.0.113.7/24"]
  }

  expect_failures = [var.load_balancer_cidrs]
}

run "refuses_a_cluster_that_nobody_administers" {
  command = plan

  variables {
    admin_arns = []
  }

  expect_failures = [var.admin_arns]
}

run "refuses_a_whole_account_as_administrator" {
  command = plan

  variables {
    admin_arns = ["arn:aws:iam::123456789012:root"]
  }

  expect_failures = [var.admin_arns]
}

run "refuses_a_session_as_administrator" {
  command = plan

  variables {
    admin_arns = ["arn:aws:sts::123456789012:assumed-role/admin/me"]
  }

  expect_failures = [var.admin_arns]
}

run "refuses_any_secret" {
  command = plan

  variables {
    secret_arns = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:*"]
  }

  expect_failures = [var.secret_arns]
}

run "refuses_a_workload_with_the_name_of_a_role_of_the_cluster" {
  command = plan

  variables {
    workloads = { node = { namespaces = ["one"], service_account = "one", policy = "{\"Statement\":[]}" } }
  }

  expect_failures = [var.workloads]
}

run "refuses_a_patch_version" {
  command = plan

  variables {
    kubernetes_version = "1.36.3"
  }

  expect_failures = [var.kubernetes_version]
}

run "refuses_a_single_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_a_single_node" {
  command = plan

  variables {
    general_nodes = 1
  }

  expect_failures = [var.general_nodes]
}

run "refuses_half_a_node" {
  command = plan

  variables {
    gpu_nodes      = 0.5
    training_nodes = 1.5
  }

  expect_failures = [var.gpu_nodes, var.training_nodes]
}

run "refuses_a_name_that_leaves_no_room" {
  command = plan

  variables {
    name = "an-inference-service-with-a-very-long-name"
  }

  expect_failures = [var.name]
}

run "refuses_wrong_ids" {
  command = plan

  variables {
    account_id               = "12345"
    vpc_id                   = "cv-inference-dev"
    nodes_security_group_id  = "nodes"
    permissions_boundary_arn = "none"
  }

  expect_failures = [var.account_id, var.vpc_id, var.nodes_security_group_id, var.permissions_boundary_arn]
}
