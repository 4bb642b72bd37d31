using Google.Protobuf.Reflection;

namespace Cilium.Hubble.Tests.Serving;

/// <summary>The numbers that upstream's clients rely on, written down once more.</summary>
public sealed class WireNumberTests
{
    private static readonly FileDescriptor[] Files =
        [Proto.FlowReflection.Descriptor, Proto.ObserverReflection.Descriptor, Proto.RelayReflection.Descriptor, Proto.Peers.PeerReflection.Descriptor];

    [Theory]
    [InlineData("flow.Flow", "time 1, verdict 2, drop_reason 3, ethernet 4, IP 5, l4 6, source 8, destination 9, Type 10, node_name 11, source_names 13, destination_names 14, l7 15, reply 16, event_type 19, source_service 20, destination_service 21, traffic_direction 22, policy_match_type 23, trace_observation_point 24, drop_reason_desc 25, is_reply 26, debug_capture_point 27, interface 28, proxy_port 29, trace_context 30, sock_xlate_point 31, socket_cookie 32, cgroup_id 33, uuid 34, auth_type 35, trace_reason 36, node_labels 37, file 38, ip_trace_id 40, Summary 100000, extensions 150000, egress_allowed_by 21001, ingress_allowed_by 21002, egress_denied_by 21004, ingress_denied_by 21005, policy_log 21006")]
    [InlineData("flow.FlowFilter", "source_ip 1, source_pod 2, destination_ip 3, destination_pod 4, verdict 5, event_type 6, source_fqdn 7, destination_fqdn 8, http_status_code 9, source_label 10, destination_label 11, protocol 12, source_port 13, destination_port 14, reply 15, source_service 16, destination_service 17, dns_query 18, source_identity 19, destination_identity 20, http_method 21, http_path 22, tcp_flags 23, node_name 24, ip_version 25, source_workload 26, destination_workload 27, trace_id 28, uuid 29, traffic_direction 30, http_url 31, http_header 32, drop_reason_desc 33, source_ip_xlated 34, interface 35, node_labels 36, source_cluster_name 37, destination_cluster_name 38, ip_trace_id 39, encrypted 40, experimental 999")]
    [InlineData("flow.Endpoint", "ID 1, identity 2, namespace 3, labels 4, pod_name 5, workloads 6, cluster_name 7")]
    [InlineData("flow.IP", "source 1, destination 2, ipVersion 3, encrypted 4, source_xlated 5")]
    [InlineData("flow.Layer4", "TCP 1, UDP 2, ICMPv4 3, ICMPv6 4, SCTP 5, VRRP 6, IGMP 7")]
    [InlineData("flow.Layer7", "type 1, latency_ns 2, dns 100, http 101, kafka 102")]
    [InlineData("flow.DNS", "query 1, ips 2, ttl 3, cnames 4, observation_source 5, rcode 6, qtypes 7, rrtypes 8")]
    [InlineData("flow.HTTP", "code 1, method 2, url 3, protocol 4, headers 5")]
    [InlineData("flow.Policy", "name 1, namespace 2, labels 3, revision 4, kind 5")]
    [InlineData("flow.LostEvent", "source 1, num_events_lost 2, cpu 3, first 4, last 5")]
    [InlineData("flow.EventTypeFilter", "type 1, match_sub_type 2, sub_type 3")]
    [InlineData("observer.GetFlowsRequest", "number 1, follow 3, blacklist 5, whitelist 6, since 7, until 8, first 9, field_mask 10, experimental 999, extensions 150000")]
    [InlineData("observer.GetFlowsResponse", "flow 1, node_status 2, lost_events 3, node_name 1000, time 1001")]
    [InlineData("observer.ServerStatusResponse", "num_flows 1, max_flows 2, seen_flows 3, uptime_ns 4, num_connected_nodes 5, num_unavailable_nodes 6, unavailable_nodes 7, version 8, flows_rate 9")]
    [InlineData("observer.Node", "name 1, version 2, address 3, state 4, tls 5, uptime_ns 6, num_flows 7, max_flows 8, seen_flows 9")]
    [InlineData("observer.Namespace", "cluster 1, namespace 2")]
    [InlineData("relay.NodeStatusEvent", "state_change 1, node_names 2, message 3")]
    [InlineData("peer.ChangeNotification", "name 1, address 2, type 3, tls 4")]
    [InlineData("flow.Ethernet", "source 1, destination 2")]
    [InlineData("flow.TCP", "source_port 1, destination_port 2, flags 3")]
    [InlineData("flow.TCPFlags", "FIN 1, SYN 2, RST 3, PSH 4, ACK 5, URG 6, ECE 7, CWR 8, NS 9")]
    [InlineData("flow.UDP", "source_port 1, destination_port 2")]
    [InlineData("flow.SCTP", "source_port 1, destination_port 2")]
    [InlineData("flow.ICMPv4", "type 1, code 2")]
    [InlineData("flow.ICMPv6", "type 1, code 2")]
    [InlineData("flow.VRRP", "type 1, vrid 2, priority 3")]
    [InlineData("flow.IGMP", "type 1, group_address 2")]
    [InlineData("flow.Workload", "name 1, kind 2")]
    [InlineData("flow.Service", "name 1, namespace 2")]
    [InlineData("flow.HTTPHeader", "key 1, value 2")]
    [InlineData("flow.Kafka", "error_code 1, api_version 2, api_key 3, correlation_id 4, topic 5")]
    [InlineData("flow.CiliumEventType", "type 1, sub_type 2")]
    [InlineData("flow.NetworkInterface", "index 1, name 2")]
    [InlineData("flow.FileInfo", "name 1, line 2")]
    [InlineData("flow.IPTraceID", "trace_id 1, ip_option_type 2")]
    [InlineData("flow.TraceContext", "parent 1")]
    [InlineData("flow.TraceParent", "trace_id 1")]
    [InlineData("observer.ServerStatusRequest", "")]
    [InlineData("observer.GetNodesRequest", "")]
    [InlineData("observer.GetNodesResponse", "nodes 1")]
    [InlineData("observer.TLS", "enabled 1, server_name 2")]
    [InlineData("observer.GetNamespacesRequest", "")]
    [InlineData("observer.GetNamespacesResponse", "namespaces 1")]
    [InlineData("peer.NotifyRequest", "")]
    [InlineData("peer.TLS", "server_name 1")]
    public void Fields_have_upstreams_numbers(string message, string expected)
    {
        var descriptor = Files.SelectMany(file => file.MessageTypes).Single(type => type.FullName == message);

        Assert.Equal(Sorted(expected.Split(", ", StringSplitOptions.RemoveEmptyEntries)), Sorted(descriptor.Fields.InDeclarationOrder().Select(field => $"{field.Name} {field.FieldNumber}")));
    }

    [Theory]
    [InlineData("flow.Verdict", "VERDICT_UNKNOWN 0, FORWARDED 1, DROPPED 2, ERROR 3, AUDIT 4, REDIRECTED 5, TRACED 6, TRANSLATED 7")]
    [InlineData("flow.TraceObservationPoint", "UNKNOWN_POINT 0, TO_PROXY 1, TO_HOST 2, TO_STACK 3, TO_OVERLAY 4, FROM_ENDPOINT 5, FROM_PROXY 6, FROM_HOST 7, FROM_STACK 8, FROM_OVERLAY 9, FROM_NETWORK 10, TO_NETWORK 11, FROM_CRYPTO 12, TO_CRYPTO 13, TO_ENDPOINT 101")]
    [InlineData("flow.TraceReason", "TRACE_REASON_UNKNOWN 0, NEW 1, ESTABLISHED 2, REPLY 3, RELATED 4, REOPENED 5, SRV6_ENCAP 6, SRV6_DECAP 7, ENCRYPT_OVERLAY 8")]
    [InlineData("flow.FlowType", "UNKNOWN_TYPE 0, L3_L4 1, L7 2, SOCK 3")]
    [InlineData("flow.LostEventSource", "UNKNOWN_LOST_EVENT_SOURCE 0, PERF_EVENT_RING_BUFFER 1, OBSERVER_EVENTS_QUEUE 2, HUBBLE_RING_BUFFER 3")]
    [InlineData("relay.NodeState", "UNKNOWN_NODE_STATE 0, NODE_CONNECTED 1, NODE_UNAVAILABLE 2, NODE_GONE 3, NODE_ERROR 4")]
    [InlineData("peer.ChangeNotificationType", "UNKNOWN 0, PEER_ADDED 1, PEER_DELETED 2, PEER_UPDATED 3")]
    [InlineData("flow.AuthType", "DISABLED 0, SPIRE 1, TEST_ALWAYS_FAIL 2")]
    [InlineData("flow.TrafficDirection", "TRAFFIC_DIRECTION_UNKNOWN 0, INGRESS 1, EGRESS 2")]
    [InlineData("flow.DropReason", "DROP_REASON_UNKNOWN 0, INVALID_SOURCE_MAC 130, INVALID_DESTINATION_MAC 131, INVALID_SOURCE_IP 132, POLICY_DENIED 133, INVALID_PACKET_DROPPED 134, CT_TRUNCATED_OR_INVALID_HEADER 135, CT_MISSING_TCP_ACK_FLAG 136, CT_UNKNOWN_L4_PROTOCOL 137, CT_CANNOT_CREATE_ENTRY_FROM_PACKET 138, UNSUPPORTED_L3_PROTOCOL 139, MISSED_TAIL_CALL 140, ERROR_WRITING_TO_PACKET 141, UNKNOWN_L4_PROTOCOL 142, UNKNOWN_ICMPV4_CODE 143, UNKNOWN_ICMPV4_TYPE 144, UNKNOWN_ICMPV6_CODE 145, UNKNOWN_ICMPV6_TYPE 146, ERROR_RETRIEVING_TUNNEL_KEY 147, ERROR_RETRIEVING_TUNNEL_OPTIONS 148, INVALID_GENEVE_OPTION 149, UNKNOWN_L3_TARGET_ADDRESS 150, STALE_OR_UNROUTABLE_IP 151, NO_MATCHING_LOCAL_CONTAINER_FOUND 152, ERROR_WHILE_CORRECTING_L3_CHECKSUM 153, ERROR_WHILE_CORRECTING_L4_CHECKSUM 154, CT_MAP_INSERTION_FAILED 155, INVALID_IPV6_EXTENSION_HEADER 156, IP_FRAGMENTATION_NOT_SUPPORTED 157, SERVICE_BACKEND_NOT_FOUND 158, NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT 160, FAILED_TO_INSERT_INTO_PROXYMAP 161, REACHED_EDT_RATE_LIMITING_DROP_HORIZON 162, UNKNOWN_CONNECTION_TRACKING_STATE 163, LOCAL_HOST_IS_UNREACHABLE 164, NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION 165, UNSUPPORTED_L2_PROTOCOL 166, NO_MAPPING_FOR_NAT_MASQUERADE 167, UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE 168, FIB_LOOKUP_FAILED 169, ENCAPSULATION_TRAFFIC_IS_PROHIBITED 170, INVALID_IDENTITY 171, UNKNOWN_SENDER 172, NAT_NOT_NEEDED 173, IS_A_CLUSTERIP 174, FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND 175, FORBIDDEN_ICMPV6_MESSAGE 176, DENIED_BY_LB_SRC_RANGE_CHECK 177, SOCKET_LOOKUP_FAILED 178, SOCKET_ASSIGN_FAILED 179, PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL 180, POLICY_DENY 181, VLAN_FILTERED 182, INVALID_VNI 183, INVALID_TC_BUFFER 184, NO_SID 185, MISSING_SRV6_STATE 186, NAT46 187, NAT64 188, AUTH_REQUIRED 189, CT_NO_MAP_FOUND 190, SNAT_NO_MAP_FOUND 191, INVALID_CLUSTER_ID 192, UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP 193, NO_EGRESS_GATEWAY 194, UNENCRYPTED_TRAFFIC 195, TTL_EXCEEDED 196, NO_NODE_ID 197, DROP_RATE_LIMITED 198, IGMP_HANDLED 199, IGMP_SUBSCRIBED 200, MULTICAST_HANDLED 201, DROP_HOST_NOT_READY 202, DROP_EP_NOT_READY 203, DROP_NO_EGRESS_IP 204, DROP_PUNT_PROXY 205")]
    [InlineData("flow.DebugCapturePoint", "DBG_CAPTURE_POINT_UNKNOWN 0, DBG_CAPTURE_DELIVERY 4, DBG_CAPTURE_FROM_LB 5, DBG_CAPTURE_AFTER_V46 6, DBG_CAPTURE_AFTER_V64 7, DBG_CAPTURE_PROXY_PRE 8, DBG_CAPTURE_PROXY_POST 9, DBG_CAPTURE_SNAT_PRE 10, DBG_CAPTURE_SNAT_POST 11")]
    [InlineData("flow.SocketTranslationPoint", "SOCK_XLATE_POINT_UNKNOWN 0, SOCK_XLATE_POINT_PRE_DIRECTION_FWD 1, SOCK_XLATE_POINT_POST_DIRECTION_FWD 2, SOCK_XLATE_POINT_PRE_DIRECTION_REV 3, SOCK_XLATE_POINT_POST_DIRECTION_REV 4")]
    [InlineData("flow.IPVersion", "IP_NOT_USED 0, IPv4 1, IPv6 2")]
    [InlineData("flow.L7FlowType", "UNKNOWN_L7_TYPE 0, REQUEST 1, RESPONSE 2, SAMPLE 3")]
    public void Values_have_upstreams_numbers(string name, string expected)
    {
        var descriptor = Files.SelectMany(file => file.EnumTypes).Single(type => type.FullName == name);

        Assert.Equal(expected, string.Join(", ", descriptor.Values.Select(value => $"{value.Name} {value.Number}")));
    }

    /// <summary>What is added to a file is written down above as well, or this fails.</summary>
    [Fact]
    public void Every_message_and_enum_is_written_down()
    {
        var written = typeof(WireNumberTests).GetMethods()
            .SelectMany(method => method.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false).Cast<InlineDataAttribute>())
            .Select(row => (string)row.Data[0]!);
        var present = Files.SelectMany(file => file.MessageTypes.Select(type => type.FullName).Concat(file.EnumTypes.Select(type => type.FullName)));

        Assert.Equal(Sorted(present), Sorted(written));
    }

    [Fact]
    public void Services_have_upstreams_names()
    {
        var methods = Files.SelectMany(file => file.Services).SelectMany(service => service.Methods).Select(method => $"/{method.Service.FullName}/{method.Name}");

        Assert.Equal(
            ["/observer.Observer/GetFlows", "/observer.Observer/GetNodes", "/observer.Observer/GetNamespaces", "/observer.Observer/ServerStatus", "/peer.Peer/Notify"],
            methods);
    }

    private static IEnumerable<string> Sorted(IEnumerable<string> fields) => fields.Order(StringComparer.Ordinal);
}
