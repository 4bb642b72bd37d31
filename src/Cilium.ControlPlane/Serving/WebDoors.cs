namespace Cilium.ControlPlane.Serving;

/// <summary>Doors of a <see cref="WebServer"/> that are opened for one purpose and closed together.</summary>
internal sealed class WebDoors : IAsyncDisposable
{
    private readonly List<WebDoor> _doors = [];

    /// <summary>Opens them one after the other; when one cannot be opened, those before it are closed.</summary>
    /// <param name="openings">Each opens a door.</param>
    /// <exception cref="IOException">An address is taken.</exception>
    public static async Task<WebDoors> OpenAsync(IEnumerable<Func<Task<WebDoor>>> openings)
    {
        var doors = new WebDoors();
        try
        {
            foreach (var open in openings)
            {
                doors._doors.Add(await open().ConfigureAwait(false));
            }

            return doors;
        }
        catch (Exception)
        {
            await doors.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Closes all.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var door in _doors)
        {
            await door.DisposeAsync().ConfigureAwait(false);
        }

        _doors.Clear();
    }
}
