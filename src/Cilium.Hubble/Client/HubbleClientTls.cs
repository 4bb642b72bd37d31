using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cilium.Hubble.Client;

/// <summary>Whom a client of Hubble trusts, and how it proves itself.</summary>
public sealed record HubbleClientTls
{
    /// <summary>The name expected in the server's certificate; empty for the address's host.</summary>
    public string ServerName { get; init; } = "";

    /// <summary>PEM files of the authorities to trust; empty for the system's.</summary>
    public IReadOnlyList<string> AuthorityFiles { get; init; } = [];

    /// <summary>PEM file of the client's certificate; empty for none.</summary>
    public string CertificateFile { get; init; } = "";

    /// <summary>PEM file of the key of <see cref="CertificateFile"/>.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>Take any certificate of the server's.</summary>
    public bool AllowsInsecure { get; init; }

    /// <summary>Reads the files.</summary>
    /// <exception cref="FormatException">A file holds something else, or one of certificate and key is not named.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    internal SslClientAuthenticationOptions Load()
    {
        // By default the server's certificate would make us ask any URL that it names for its issuer, and wait for it.
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        var options = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        if (AllowsInsecure)
        {
#pragma warning disable CA5359 // The user says so, by the option of upstream's name.
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        if (AuthorityFiles.Count != 0)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            foreach (var file in AuthorityFiles)
            {
                policy.CustomTrustStore.AddRange(Certificates(file, "the certificates of authorities"));
            }
        }

        if (CertificateFile.Length != 0 || KeyFile.Length != 0)
        {
            if (CertificateFile.Length == 0 || KeyFile.Length == 0)
            {
                throw new FormatException("a client's certificate needs its key, and a key its certificate");
            }

            options.ClientCertificateContext = Identity();
        }

        return options;
    }

    private SslStreamCertificateContext Identity()
    {
        try
        {
            // What else is in the file are intermediate authorities; nothing is fetched from elsewhere.
            var certificate = X509Certificate2.CreateFromPemFile(CertificateFile, KeyFile);
            return SslStreamCertificateContext.Create(certificate, Certificates(CertificateFile, "a certificate"), offline: true);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new FormatException($"{CertificateFile} and {KeyFile} do not hold a certificate and its key: {exception.Message}", exception);
        }
    }

    private static X509Certificate2Collection Certificates(string file, string what)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(file);
        }
        catch (CryptographicException exception)
        {
            throw new FormatException($"{file} does not hold {what}: {exception.Message}", exception);
        }

        return certificates.Count != 0 ? certificates : throw new FormatException($"{file} does not hold {what}");
    }
}
