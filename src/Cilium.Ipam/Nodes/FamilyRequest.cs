namespace Cilium.Ipam;

/// <summary>Asks one pool per family and gives back the first address when the second fails.</summary>
internal static class FamilyRequest
{
    /// <param name="request">What is wanted.</param>
    /// <param name="ipv4">Asks for the IPv4 address; null when the family is off.</param>
    /// <param name="ipv6">Asks for the IPv6 address; null when the family is off.</param>
    /// <param name="giveBack">Takes an address back.</param>
    public static NodeAddresses Ask(AddressRequest request, Func<AddressResult>? ipv4, Func<AddressResult>? ipv6, Action<AddressLease> giveBack)
    {
        AddressLease? four = null;
        if (request.WantsIPv4 && ipv4 is not null)
        {
            var result = ipv4();
            if (!result.IsOk)
            {
                return new NodeAddresses(result.Status, null, null, "IPv4: " + result.Message);
            }

            four = result.Lease;
        }

        if (request.WantsIPv6 && ipv6 is not null)
        {
            var result = ipv6();
            if (result.IsOk)
            {
                return new NodeAddresses(AllocationStatus.Ok, four, result.Lease, "");
            }

            if (four is { } taken)
            {
                giveBack(taken);
            }

            return new NodeAddresses(result.Status, null, null, "IPv6: " + result.Message);
        }

        return four is null
            ? new NodeAddresses(AllocationStatus.NoRange, null, null, "no address family to allocate from")
            : new NodeAddresses(AllocationStatus.Ok, four, null, "");
    }
}
