// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Invoices of machines that bill their own use, and a running proof that none is missing.
/// @notice The owner finalizes invoices; a listener off chain collects them by SEPA direct debit. No personal data ever goes
/// on chain: `debtorRef` is an opaque keyed hash, names and accounts stay with the creditor.
/// @dev The event's words are all static (32 bytes each), so a reader needs slices, not an ABI. A new field is a new event
/// under a new name. Not upgradable: a change is a new deployment. `invoiceCount` and `invoiceChain` prove completeness: a
/// reader that folds every `InvoiceFinalized` and gets the same two values has seen each invoice, once, in order, unchanged.
/// Every bound checked here is one the reader checks too, so that this contract cannot emit what its reader refuses.
contract UsageInvoices {
    event InvoiceFinalized(
        bytes32 indexed invoiceId,
        bytes32 indexed debtorRef,
        bytes32 indexed agreementId,
        uint64 invoiceNo,
        uint128 amountMinor,
        bytes3 currency,
        uint64 periodStart,
        uint64 periodEnd,
        uint64 dueDate,
        bytes32 usageRoot,
        bytes32 documentHash
    );
    event InvoiceCancelled(bytes32 indexed invoiceId, bytes32 reason);
    /// @dev Declared for its readers; this version has no payment in tokens and never emits it.
    event InvoicePaid(bytes32 indexed invoiceId, address indexed token, address indexed payer, uint256 amount);
    /// @dev Declared for its readers; this version records no outcome and never emits it.
    event SettlementAttested(bytes32 indexed invoiceId, uint8 outcome, bytes32 evidenceHash);

    error NotOwner();
    error AlreadyFinalized(bytes32 invoiceId);
    error NotFinalized(bytes32 invoiceId);
    error AlreadyCancelled(bytes32 invoiceId);
    error AmountOutOfRange(uint128 amountMinor);
    error DateOutOfRange();

    enum Status {
        None,
        Finalized,
        Cancelled
    }

    /// @dev Largest amount of one direct debit, in cents: 999,999,999.99 EUR (ISO 20022 pain.008).
    uint128 private constant AMOUNT_MAX = 99_999_999_999;
    /// @dev Unix seconds of 2015-01-01 and 2100-01-01: a date outside is milliseconds or a slip.
    uint64 private constant DATE_MIN = 1_420_070_400;
    uint64 private constant DATE_MAX = 4_102_444_800;

    /// @notice How many invoices were ever finalized; the last `invoiceNo`. Storage slot 0, its lowest 8 bytes.
    uint64 public invoiceCount;
    /// @notice Who may finalize and cancel: the account that deployed. Shares slot 0; not an immutable, so that the code
    /// deployed is byte for byte the artefact's, whoever deployed it.
    address public owner = msg.sender;
    /// @notice The running hash over all of them, zero before the first. Storage slot 1.
    bytes32 public invoiceChain;
    /// @notice What became of an invoice on chain.
    mapping(bytes32 invoiceId => Status) public statusOf;

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    /// @notice The id of an agreement's invoice for one period; unique over chains and contracts.
    function invoiceIdOf(bytes32 agreementId, uint64 period) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), agreementId, period));
    }

    /// @notice Finalize the invoice of one agreement for one period, once. Dates are unix seconds, `periodEnd` is exclusive.
    function finalizeInvoice(
        bytes32 debtorRef,
        bytes32 agreementId,
        uint64 period,
        uint128 amountMinor,
        uint64 periodStart,
        uint64 periodEnd,
        uint64 dueDate,
        bytes32 usageRoot,
        bytes32 documentHash
    ) external onlyOwner returns (bytes32 invoiceId) {
        invoiceId = invoiceIdOf(agreementId, period);
        if (statusOf[invoiceId] != Status.None) revert AlreadyFinalized(invoiceId);
        if (amountMinor == 0 || amountMinor > AMOUNT_MAX) revert AmountOutOfRange(amountMinor);
        if (periodStart < DATE_MIN || periodEnd <= periodStart || periodEnd > DATE_MAX) revert DateOutOfRange();
        if (dueDate < periodStart || dueDate > DATE_MAX) revert DateOutOfRange();

        statusOf[invoiceId] = Status.Finalized;
        uint64 invoiceNo = ++invoiceCount;
        bytes3 currency = "EUR";
        bytes32 digest = keccak256(
            abi.encode(
                invoiceId, debtorRef, agreementId, invoiceNo, amountMinor, currency,
                periodStart, periodEnd, dueDate, usageRoot, documentHash
            )
        );
        invoiceChain = keccak256(abi.encode(invoiceChain, invoiceId, digest));
        emit InvoiceFinalized(
            invoiceId, debtorRef, agreementId, invoiceNo, amountMinor, currency,
            periodStart, periodEnd, dueDate, usageRoot, documentHash
        );
    }

    /// @notice Take an invoice back. Its number stays used and it stays in the running hash.
    /// @param reason an opaque code or salted hash; never text about a person.
    function cancelInvoice(bytes32 invoiceId, bytes32 reason) external onlyOwner {
        Status status = statusOf[invoiceId];
        if (status == Status.None) revert NotFinalized(invoiceId);
        if (status == Status.Cancelled) revert AlreadyCancelled(invoiceId);
        statusOf[invoiceId] = Status.Cancelled;
        emit InvoiceCancelled(invoiceId, reason);
    }
}
