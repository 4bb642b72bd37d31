using System.Reflection;
using System.Text.Json;
using Cilium.Hosts.Cni.Agent;

namespace Cilium.Api.Tests.Cni;

/// <summary>What the plugin writes and reads by hand is what the models say.</summary>
public sealed class AgentMessagesTests
{
    // Members of the request that no plugin of ours fills.
    private static readonly string[] NotWritten =
    [
        nameof(EndpointChangeRequest.ContainerName), nameof(EndpointChangeRequest.Labels), nameof(EndpointChangeRequest.DatapathConfiguration),
        nameof(EndpointChangeRequest.Properties),
    ];

    [Fact]
    public void An_endpoint_request_reads_back_as_it_was_member_by_member()
    {
        var addressing = Filled<AddressPair>([]);
        var request = Filled<EndpointChangeRequest>(NotWritten);
        typeof(EndpointChangeRequest).GetProperty(nameof(EndpointChangeRequest.Addressing))!.SetValue(request, addressing);

        var read = JsonSerializer.Deserialize(AgentMessages.Write(request).Span, ApiJson.Default.EndpointChangeRequest);

        Assert.Equal(request, read);
        Assert.Equal(new EndpointChangeRequest(), JsonSerializer.Deserialize(AgentMessages.Write(new EndpointChangeRequest()).Span, ApiJson.Default.EndpointChangeRequest));
    }

    [Fact]
    public void A_deletion_reads_back_as_it_was()
    {
        var request = new EndpointBatchDeleteRequest { ContainerId = "a\"b\u00e9" };
        Assert.Equal(request, JsonSerializer.Deserialize(AgentMessages.Write(request).Span, ApiJson.Default.EndpointBatchDeleteRequest));
    }

    [Fact]
    public void Addresses_are_read_as_the_models_have_them()
    {
        var response = new IpamResponse
        {
            Address = new AddressPair { Ipv4 = "10.0.0.5", Ipv4PoolName = "default", Ipv6 = "fd00::5", Ipv6PoolName = "six" },
            HostAddressing = new NodeAddressing { Ipv4 = new NodeAddressingElement { Ip = "10.0.0.1" }, Ipv6 = new NodeAddressingElement { Ip = "fd00::1" } },
            Ipv4 = new IpamAddressResponse { Ip = "10.0.0.5", Gateway = "10.0.0.1", ExpirationUuid = "u4" },
            Ipv6 = new IpamAddressResponse { Ip = "fd00::5", Gateway = "fd00::1", ExpirationUuid = "u6" },
        };
        Assert.Equal(response, AgentMessages.ReadAddresses(JsonSerializer.SerializeToUtf8Bytes(response, ApiJson.Default.IpamResponse)));

        var oneFamily = new IpamResponse { Address = new AddressPair { Ipv4 = "10.0.0.5" } };
        Assert.Equal(oneFamily, AgentMessages.ReadAddresses(JsonSerializer.SerializeToUtf8Bytes(oneFamily, ApiJson.Default.IpamResponse)));
    }

    [Fact]
    public void Sizes_are_read_as_the_models_have_them()
    {
        var status = new DaemonConfigurationStatus { DeviceMtu = 1500, RouteMtu = 1450, GsoMaxSize = 196608, GroMaxSize = 65536 };
        var answer = JsonSerializer.SerializeToUtf8Bytes(
            new DaemonConfiguration { Spec = new DaemonConfigurationSpec { PolicyEnforcement = "default" }, Status = status with { IpamMode = "kubernetes" } },
            ApiJson.Default.DaemonConfiguration);
        Assert.Equal(status, AgentMessages.ReadConfiguration(answer));
        Assert.Null(AgentMessages.ReadConfiguration("{}"u8.ToArray()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"status":[]}""")]
    [InlineData("""{"status":{"deviceMTU":"1500"}}""")]
    [InlineData("""{"status":{"deviceMTU":-1}}""")]
    [InlineData("""{"status":{"deviceMTU":1e30}}""")]
    public void A_wrong_configuration_is_refused(string answer) =>
        Assert.ThrowsAny<JsonException>(() => AgentMessages.ReadConfiguration(System.Text.Encoding.UTF8.GetBytes(answer)));

    [Theory]
    [InlineData("7")]
    [InlineData("""{"address":"10.0.0.1"}""")]
    [InlineData("""{"address":{"ipv4":7}}""")]
    public void Wrong_addresses_are_refused(string answer) =>
        Assert.ThrowsAny<JsonException>(() => AgentMessages.ReadAddresses(System.Text.Encoding.UTF8.GetBytes(answer)));

    // Every member has a value that differs from its default; one of a type that is not listed fails the test.
    private static T Filled<T>(string[] except)
        where T : new()
    {
        var row = new T();
        foreach (var property in typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => !except.Contains(property.Name)))
        {
            property.SetValue(row, property.PropertyType switch
            {
                var type when type == typeof(string) => $"value of {property.Name}",
                var type when type == typeof(long) => 7L,
                var type when type == typeof(bool) => true,
                var type when type == typeof(AddressPair) => null,
                var type => throw new InvalidOperationException($"{property.Name} is a {type}"),
            });
        }

        return row;
    }
}
