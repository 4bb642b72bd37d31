using System.Globalization;
using System.Text.Json;
using Cilium.Api;

namespace Cilium.Hosts.Cni.Agent;

/// <summary>The requests of every ADD and DEL. They throw what <see cref="AgentClient"/> throws.</summary>
internal sealed class AgentRequests(AgentClient agent)
{
    /// <summary>The node's sizes: <c>GET /config</c>.</summary>
    public async Task<DaemonConfigurationStatus?> GetConfigurationAsync(CancellationToken cancellationToken)
    {
        const string path = "/v1/config";
        return Read("GET", path, await agent.SendAsync("GET", path, default, cancellationToken).ConfigureAwait(false), AgentMessages.ReadConfiguration);
    }

    /// <summary>An address of each family in use, freed again unless an endpoint takes it in time: <c>POST /ipam</c>.</summary>
    public async Task<IpamResponse> AllocateAddressesAsync(string owner, CancellationToken cancellationToken)
    {
        var path = $"/v1/ipam?family=&owner={Uri.EscapeDataString(owner)}&pool=&expiration=true";
        return Read("POST", path, await agent.SendAsync("POST", path, default, cancellationToken).ConfigureAwait(false), AgentMessages.ReadAddresses);
    }

    /// <summary>Makes an endpoint; what the agent tells of it is of no interest: <c>PUT /endpoint/{id}</c>.</summary>
    public Task CreateEndpointAsync(EndpointChangeRequest request, CancellationToken cancellationToken) => agent.SendAsync(
        "PUT", $"/v1/endpoint/{request.Id.ToString(CultureInfo.InvariantCulture)}", AgentMessages.Write(request), cancellationToken);

    /// <summary>Removes all endpoints of a sandbox: <c>DELETE /endpoint</c>.</summary>
    public Task DeleteEndpointsAsync(EndpointBatchDeleteRequest request, CancellationToken cancellationToken) =>
        agent.SendAsync("DELETE", "/v1/endpoint", AgentMessages.Write(request), cancellationToken);

    private static T Read<T>(string method, string path, ReadOnlyMemory<byte> answer, Func<ReadOnlyMemory<byte>, T> read)
    {
        try
        {
            return read(answer);
        }
        catch (JsonException exception)
        {
            throw new ApiException($"{method} {path}", 200, $"the answer cannot be read: {exception.Message}");
        }
    }
}
