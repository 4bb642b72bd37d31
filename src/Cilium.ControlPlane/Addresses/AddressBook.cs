using Cilium.ControlPlane.Agent;
using Cilium.Core.Tables;

namespace Cilium.ControlPlane.Addresses;

/// <summary>The claims of all sources on all prefixes, and the rows of the datapath that follow from them.</summary>
/// <remarks>Several loops make claims; each does it inside a write of the store, of which there is one at a time.</remarks>
internal sealed class AddressBook(AgentTables tables)
{
    private readonly AddressClaims _claims = new();

    /// <summary>Changes claims, and with them the rows.</summary>
    public void Change(WriteTransaction transaction, Action<AddressClaims> change)
    {
        change(_claims);
        foreach (var (prefix, row) in _claims.TakeChanges())
        {
            if (row is null)
            {
                transaction.Delete(tables.Datapath.IpCache, prefix);
            }
            else
            {
                transaction.Upsert(tables.Datapath.IpCache, row);
            }
        }
    }
}
