using System.Globalization;
using Cilium.Api;
using Cilium.Core;
using Cilium.Hosts.Cni.Agent;
using Cilium.Hosts.Cni.Devices;
using Cilium.Hosts.Cni.Spec;

namespace Cilium.Hosts.Cni.Commands;

/// <summary>ADD: addresses, a device, an endpoint that can carry traffic. A failure gives everything back.</summary>
internal sealed class AddCommand(AgentClient agent, IPodNetwork network, TimeProvider time)
{
    private static readonly TimeSpan _giveBackPatience = TimeSpan.FromSeconds(5);
    private readonly AgentRequests _requests = new(agent);

    public async Task<CniResult> RunAsync(CniArguments arguments, CancellationToken cancellationToken)
    {
        // 1. The node's MTUs. 2. Addresses. 3. The device. 4. The endpoint. 5. What the runtime wants to hear.
        var configuration = await _requests.GetConfigurationAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new CniException(CniErrorCode.AgentRefused, "the agent's configuration has no status");
        var ipam = await _requests.AllocateAddressesAsync(arguments.Owner, cancellationToken).ConfigureAwait(false);
        var hostName = PodDevice.HostNameOf(arguments.ContainerId, arguments.InterfaceName);
        try
        {
            var device = new PodDevice
            {
                HostName = hostName,
                PodName = arguments.InterfaceName,
                HostMac = MacAddress.NewLocal(Random.Shared),
                PodMac = MacAddress.NewLocal(Random.Shared),
                DeviceMtu = configuration.DeviceMtu,
                RouteMtu = configuration.RouteMtu,
                Addresses = AddressesOf(ipam),
                GsoMaxSize = (int)configuration.GsoMaxSize,
                GroMaxSize = (int)configuration.GroMaxSize,
            };
            var created = network.Create(device, arguments.NetworkNamespace);
            await _requests.CreateEndpointAsync(RequestFor(arguments, ipam, device, created), cancellationToken).ConfigureAwait(false);
            return ResultOf(arguments, device);
        }
        catch (Exception)
        {
            await GiveBackAsync(arguments, hostName, ipam).ConfigureAwait(false);
            throw;
        }
    }

    private static List<(IpAddr, IpAddr)> AddressesOf(IpamResponse ipam)
    {
        var addresses = new List<(IpAddr, IpAddr)>(2);
        Take(ipam.Address?.Ipv4, ipam.HostAddressing?.Ipv4?.Ip ?? ipam.Ipv4?.Gateway);
        Take(ipam.Address?.Ipv6, ipam.HostAddressing?.Ipv6?.Ip ?? ipam.Ipv6?.Gateway);
        return addresses.Count > 0
            ? addresses
            : throw new CniException(CniErrorCode.AgentRefused, "the agent gave no address");

        void Take(string? address, string? gateway)
        {
            if (string.IsNullOrEmpty(address))
            {
                return;
            }

            addresses.Add(IpAddr.TryParse(address, out var parsed) && IpAddr.TryParse(gateway, out var router)
                ? (parsed, router)
                : throw new CniException(CniErrorCode.AgentRefused, $"the agent gave address '{address}' with gateway '{gateway}'"));
        }
    }

    private static EndpointChangeRequest RequestFor(CniArguments arguments, IpamResponse ipam, PodDevice device, CreatedDevice created) => new()
    {
        ContainerId = arguments.ContainerId,
        ContainerInterfaceName = arguments.InterfaceName,
        ContainerNetnsPath = arguments.NetworkNamespace,
        NetnsCookie = created.NamespaceCookie.ToString(CultureInfo.InvariantCulture),
        InterfaceName = device.HostName,
        InterfaceIndex = created.HostIndex,
        Mac = device.PodMac.ToString(),
        HostMac = device.HostMac.ToString(),
        Addressing = ipam.Address! with
        {
            Ipv4ExpirationUuid = ipam.Ipv4?.ExpirationUuid,
            Ipv6ExpirationUuid = ipam.Ipv6?.ExpirationUuid,
        },
        K8sNamespace = arguments.PodNamespace,
        K8sPodName = arguments.PodName,
        K8sUid = arguments.PodUid,
        State = "waiting-for-identity",
        SyncBuildEndpoint = true,
    };

    private static CniResult ResultOf(CniArguments arguments, PodDevice device)
    {
        var addresses = new List<CniAddress>(device.Addresses.Count);
        var routes = new List<CniRoute>(2 * device.Addresses.Count);
        foreach (var (address, gateway) in device.Addresses)
        {
            addresses.Add(new CniAddress(address, gateway, InterfaceIndex: 1));
            routes.Add(new CniRoute(Prefix.Of(gateway), default, 0));
            routes.Add(new CniRoute(new Prefix(address.IsIPv4 ? IpAddr.FromIPv4(0) : IpAddr.None, 0), gateway, device.RouteMtu));
        }

        return new CniResult
        {
            Interfaces =
            [
                new CniInterface(device.HostName, device.HostMac.ToString(), "", device.DeviceMtu),
                new CniInterface(device.PodName, device.PodMac.ToString(), arguments.NetworkNamespace, device.DeviceMtu),
            ],
            Addresses = addresses,
            Routes = routes,
        };
    }

    private async Task GiveBackAsync(CniArguments arguments, string hostName, IpamResponse ipam)
    {
        // The end of the patience may be what ended the attempt; giving back has its own. What fails here is freed by the
        // addresses' expiration, and by the runtime, which must call DEL after a failed ADD.
        using var giving = AgentClient.Blocking(agent.SocketPath, _giveBackPatience, time, static path => new KernelConnection(path));
        var endpoint = $"cni-attachment-id:{arguments.ContainerId}:{arguments.InterfaceName}";
        await IgnoreAgentAsync(() => giving.DeleteEndpointAsync(endpoint, CancellationToken.None)).ConfigureAwait(false);
        try
        {
            network.Delete(hostName);
        }
        catch (Netlink.NetlinkException exception)
        {
            await Console.Error.WriteLineAsync($"cannot delete {hostName}: {exception.Message}").ConfigureAwait(false);
        }

        foreach (var address in new[] { ipam.Address?.Ipv4, ipam.Address?.Ipv6 })
        {
            if (!string.IsNullOrEmpty(address))
            {
                await IgnoreAgentAsync(() => giving.ReleaseAddressAsync(address, arguments.Owner, CancellationToken.None)).ConfigureAwait(false);
            }
        }
    }

    private static async Task IgnoreAgentAsync(Func<Task> request)
    {
        try
        {
            await request().ConfigureAwait(false);
        }
        catch (ApiException exception) when (exception.StatusCode == 404)
        {
            // Nothing to give back: deleting the absent is success.
            return;
        }
        catch (Exception exception) when (exception is ApiException or AgentUnavailableException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"while giving back: {exception.Message}").ConfigureAwait(false);
        }
    }
}
